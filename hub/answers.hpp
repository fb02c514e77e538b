// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace holdfast::hub {

// {"error": {"kind", "message"}}, as on a host's admin socket.
http::Response answer(const Error& error);
http::Response refusal(int status, std::string_view kind, const std::string& message);
// 200 with what it holds, or its error.
http::Response answer(Result<std::string> body);

// Nobody, or nobody whom we know: 401. Too often: 429.
http::Response unauthorized(const std::string& message);
http::Response too_many_requests();

// The key in `Authorization: Bearer KEY`; empty when there is none.
std::string bearer_of(const http::Request& request);

}  // namespace holdfast::hub
