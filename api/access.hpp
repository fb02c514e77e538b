// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.hpp"
#include "http/message.hpp"

namespace holdfast::api {

// Who may use the admin socket: root, the daemon's own user, and the members of one group.
struct Access {
  uid_t own_uid = 0;
  std::optional<gid_t> group{};
};

// The access of this process with the group named `group` (empty: none besides root and
// ourselves). Errc::not_found when the system has no such group.
Result<Access> access_for(const std::string& group);

// Decides by the credentials that the kernel recorded when the peer connected, and by the
// user database for groups the peer did not have as its primary one. A peer that is not
// known is refused. Thread-safe.
bool may_enter(const Access& access, const std::optional<http::Peer>& peer);

}  // namespace holdfast::api
