// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// Private to signing/: RFC 8032 Ed25519, by OpenSSL, and what it leaves open. Sizes are
// 32 bytes for keys and 64 for signatures; other sizes answer false.
namespace holdfast::signing {

// Whether the encoding names a point that a key pair can have: y below 2^255 - 19, and not of
// small order (for such a "key" signatures can be made that hold for many messages).
bool is_sound_key(std::string_view key);

// Whether the scalar half is below the group's order. Without this check each signature has a
// twin, S + L, that verifies too.
bool has_canonical_scalar(std::string_view signature);

bool ed25519_verifies(std::string_view key, std::string_view message, std::string_view signature);

// SHA-512, raw.
std::string sha512(std::string_view bytes);

}  // namespace holdfast::signing
