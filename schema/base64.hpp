// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

// Bytes as text (RFC 4648). Reading is strict: the one text that printing gives, so that two
// texts never stand for the same bytes. Errc::invalid otherwise.
namespace holdfast {

// Section 4, padded.
std::string to_base64(std::string_view bytes);
Result<std::string> parse_base64(std::string_view text);

// Section 5, for URLs and command lines, without padding.
std::string to_base64url(std::string_view bytes);
Result<std::string> parse_base64url(std::string_view text);

}  // namespace holdfast
