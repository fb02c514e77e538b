// SPDX-License-Identifier: Apache-2.0
#include "signing/public_key.hpp"

#include <array>
#include <optional>

#include "base/sha256.hpp"
#include "signing/armor.hpp"
#include "signing/codes.hpp"
#include "signing/ed25519.hpp"
#include "signing/wire.hpp"

namespace holdfast::signing {
namespace {

constexpr std::array types{KeyType::ed25519, KeyType::sk_ed25519};
constexpr std::string_view certificate_suffix = "-cert-v01@openssh.com";
constexpr std::size_t longest_shown = 60;
constexpr std::size_t longest_application = 128;

Judged<KeyType> type_of(std::string_view name) {
  for (const KeyType type : types)
    if (to_string(type) == name) return type;
  const std::string shown{name.substr(0, longest_shown)};
  if (name.ends_with(certificate_suffix))
    return Refusal{code::certificate,
                   "the key is a certificate (" + shown + "); only keys themselves are accepted"};
  return Refusal{code::unsupported_key, "the key is of the type " + shown +
                                            "; accepted are ssh-ed25519 and "
                                            "sk-ssh-ed25519@openssh.com"};
}

Refusal bad(std::string_view why) { return {code::bad_key, "the key " + std::string{why}}; }

}  // namespace

std::string_view to_string(KeyType type) {
  switch (type) {
    case KeyType::ed25519: return "ssh-ed25519";
    case KeyType::sk_ed25519: return "sk-ssh-ed25519@openssh.com";
  }
  return "unknown";
}

Judged<PublicKey> parse_key_blob(std::string_view blob) {
  WireReader reader{blob};
  const auto name = reader.text();
  if (!name) return bad("is cut off");
  const auto type = type_of(*name);
  if (const auto* refusal = refusal_of(type)) return *refusal;
  PublicKey key;
  key.type = std::get<KeyType>(type);
  const auto point = reader.text();
  if (!point) return bad("is cut off");
  if (point->size() != 32)
    return bad("has " + std::to_string(point->size()) + " bytes, expected 32");
  key.point = *point;
  if (key.type == KeyType::sk_ed25519) {
    const auto application = reader.text();
    if (!application) return bad("is cut off");
    if (!application->starts_with("ssh:") || application->size() > longest_application)
      return Refusal{code::wrong_application,
                     "the token's key was made for another application than ssh"};
    key.application = *application;
  }
  if (!reader.at_end()) return bad("is followed by other bytes");
  if (!is_sound_key(key.point))
    return Refusal{code::weak_key,
                   "the key is of a kind that no generator makes and that would "
                   "fit many messages"};
  return key;
}

std::string to_blob(const PublicKey& key) {
  std::string blob;
  append_text(blob, to_string(key.type));
  append_text(blob, key.point);
  if (key.type == KeyType::sk_ed25519) append_text(blob, key.application);
  return blob;
}

std::string to_string(const PublicKey& key) {
  return std::string{to_string(key.type)} + " " + encode_base64(to_blob(key));
}

std::string fingerprint(const PublicKey& key) {
  const Sha256 hash = sha256(to_blob(key));
  std::string text = encode_base64(std::string{hash.begin(), hash.end()});
  while (text.ends_with('=')) text.pop_back();
  return "SHA256:" + text;
}

}  // namespace holdfast::signing
