// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace holdfast::hub {

// 256 random bits, base64url: a bearer key.
std::string random_key();
// 128 random bits, 32 lower-case hex digits: tokens, ids of alerts and silences.
std::string random_id();
// What is kept of a key or token: SHA-256 in hex. They are random, so that nothing slower is
// needed.
std::string hash_of(std::string_view secret);
// In a time that does not tell where they differ.
bool is_same(std::string_view a, std::string_view b);
// Whether `signature` is that of `public_key` (Ed25519, 32 bytes) over `message`.
bool is_signed(std::string_view message, std::string_view signature, std::string_view public_key);

}  // namespace holdfast::hub
