// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "signing/refusal.hpp"

// Private to signing/: the text forms of keys and signatures.
namespace holdfast::signing {

inline constexpr std::size_t longest_armor = std::size_t{8} << 10U;

// The blob inside "-----BEGIN SSH SIGNATURE-----". Stricter than ssh-keygen: the text is the
// header, lines of base64, the footer and at most one newline, with nothing before, between
// or after.
Judged<std::string> dearmor(std::string_view text);

// Strict base64 (RFC 4648, padded): the one text that encoding gives; nothing otherwise.
std::optional<std::string> decode_base64(std::string_view text);
std::string encode_base64(std::string_view bytes);

}  // namespace holdfast::signing
