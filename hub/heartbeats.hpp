// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "http/server.hpp"
#include "hub/services.hpp"

namespace holdfast::hub {

// POST /v1/hosts/{hostId}/heartbeat, of a host whose key was checked. Does not block; answers
// when the heartbeat is on disk. A sequence that does not grow within its session is a replay:
// 409, and counts as no heartbeat.
void take_heartbeat(const Services& to, std::string host, const std::string& body,
                    http::Responder responder);

}  // namespace holdfast::hub
