// SPDX-License-Identifier: Apache-2.0
#include "api/access.hpp"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace holdfast::api {
namespace {

// What the user and group databases need for one entry; grown when they ask for more.
constexpr std::size_t first_buffer = 4096;
constexpr std::size_t largest_buffer = 1 << 20;
constexpr int largest_group_count = 65'536;  // NGROUPS_MAX of Linux

// Calls one of the getXXX_r family until its buffer is large enough.
template <class Entry, class Call>
int look_up(Entry& entry, std::vector<char>& buffer, bool& found, const Call& call) {
  for (buffer.resize(first_buffer);; buffer.resize(buffer.size() * 2)) {
    Entry* result = nullptr;
    const int error = call(&entry, buffer.data(), buffer.size(), &result);
    if (error == ERANGE && buffer.size() < largest_buffer) continue;
    found = result != nullptr;
    return error;
  }
}

std::vector<gid_t> groups_of(uid_t uid) {
  passwd user{};
  std::vector<char> buffer;
  bool found = false;
  look_up(user, buffer, found, [uid](passwd* entry, char* space, std::size_t size, passwd** into) {
    return ::getpwuid_r(uid, entry, space, size, into);
  });
  if (!found) return {};
  int count = 32;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  while (::getgrouplist(user.pw_name, user.pw_gid, groups.data(), &count) < 0) {
    if (count <= static_cast<int>(groups.size()) || count > largest_group_count) return {};
    groups.resize(static_cast<std::size_t>(count));
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

}  // namespace

Result<Access> access_for(const std::string& group) {
  Access access{.own_uid = ::geteuid(), .group = {}};
  if (group.empty()) return access;
  struct group entry {};
  std::vector<char> buffer;
  bool found = false;
  const int error =
      look_up(entry, buffer, found,
              [&](struct group* into, char* space, std::size_t size, struct group** result) {
                return ::getgrnam_r(group.c_str(), into, space, size, result);
              });
  if (found) {
    access.group = entry.gr_gid;
    return access;
  }
  if (error != 0)
    return Error{Errc::unavailable, "look up group " + group + ": " + std::strerror(error)};
  return Error{Errc::not_found, "there is no group " + group +
                                    " on this system; create it with `"
                                    "groupadd --system " +
                                    group + "` or name another as socketGroup"};
}

bool may_enter(const Access& access, const std::optional<http::Peer>& peer) {
  if (!peer) return false;
  if (peer->uid == 0 || peer->uid == access.own_uid) return true;
  if (!access.group) return false;
  if (peer->gid == *access.group) return true;
  const auto groups = groups_of(peer->uid);
  return std::find(groups.begin(), groups.end(), *access.group) != groups.end();
}

}  // namespace holdfast::api
