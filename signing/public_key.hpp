// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "signing/refusal.hpp"

namespace holdfast::signing {

// A closed table; a new type is a new row of it and of the verifier.
enum class KeyType {
  ed25519,     // ssh-ed25519
  sk_ed25519,  // sk-ssh-ed25519@openssh.com: on a FIDO token that is touched for each use
};
std::string_view to_string(KeyType type);

// A public key as OpenSSH writes it. Two are the same when their blobs are: type, point and,
// for a token, the application it was made for.
struct PublicKey {
  KeyType type = KeyType::ed25519;
  std::string point{};        // 32 bytes
  std::string application{};  // of a token's key: "ssh:" or "ssh:something"
  auto operator<=>(const PublicKey&) const = default;
};

// The blob whole, with nothing after it. Refused: certificates, other types, other lengths,
// points that are no sound key, applications that are not ssh's.
Judged<PublicKey> parse_key_blob(std::string_view blob);
std::string to_blob(const PublicKey& key);

// "ssh-ed25519 AAAA...", as in a .pub file without its comment.
std::string to_string(const PublicKey& key);
// "SHA256:...", as `ssh-keygen -l` prints.
std::string fingerprint(const PublicKey& key);

}  // namespace holdfast::signing
