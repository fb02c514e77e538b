// SPDX-License-Identifier: Apache-2.0
#include "signing/sshsig.hpp"

#include <optional>

#include "base/sha256.hpp"
#include "signing/armor.hpp"
#include "signing/codes.hpp"
#include "signing/ed25519.hpp"
#include "signing/wire.hpp"

namespace holdfast::signing {
namespace {

constexpr std::string_view magic = "SSHSIG";
constexpr std::size_t longest_shown = 60;

// The flags byte of a FIDO assertion (WebAuthn section 6.1).
namespace flag {
constexpr std::uint8_t touched = 0x01;        // user present
constexpr std::uint8_t pin = 0x04;            // user verified
constexpr std::uint8_t backup = 0x08 | 0x10;  // may be, or is, kept elsewhere too
}  // namespace flag

// The outer blob, field by field. Views into it.
struct Outer {
  std::string_view key{};
  std::string_view name_space{};
  std::string_view hash{};
  std::string_view signature{};
};

std::string raw(const Sha256& hash) { return {hash.begin(), hash.end()}; }

Refusal cut_off() { return {code::truncated, "the signature is cut off"}; }

Judged<Outer> read_outer(std::string_view blob) {
  WireReader reader{blob};
  const auto start = reader.raw(magic.size());
  if (!start || *start != magic) return Refusal{code::bad_magic, "it is no SSH signature"};
  const auto version = reader.number();
  if (!version) return cut_off();
  if (*version != 1)
    return Refusal{code::unsupported_version,
                   "it is of version " + std::to_string(*version) + " of its format; 1 is known"};
  Outer outer;
  std::string_view reserved;
  for (std::string_view* field :
       {&outer.key, &outer.name_space, &reserved, &outer.hash, &outer.signature}) {
    const auto text = reader.text();
    if (!text) return cut_off();
    *field = *text;
  }
  if (!reader.at_end())
    return Refusal{code::trailing_bytes, "there are bytes after the signature's last field"};
  if (!reserved.empty())
    return Refusal{code::reserved_not_empty, "a field that must be empty is not: nobody signed it"};
  return outer;
}

Objection check_namespace(const Outer& outer, std::string_view wanted) {
  if (outer.name_space == wanted) return std::nullopt;
  return Refusal{code::wrong_namespace,
                 "it was made for \"" + std::string{outer.name_space.substr(0, longest_shown)} +
                     "\", and counts for nothing else; here it must be " + std::string{wanted} +
                     " (ssh-keygen -Y sign -n " + std::string{wanted} + ")"};
}

// What the key signed: the caller's namespace and the hash of the caller's message.
Judged<std::string> signed_data(std::string_view name_space, std::string_view hash,
                                std::string_view message) {
  std::string digest;
  if (hash == "sha512") {
    digest = sha512(message);
  } else if (hash == "sha256") {
    digest = raw(sha256(message));
  } else {
    return Refusal{code::unsupported_hash, "it uses the hash \"" +
                                               std::string{hash.substr(0, longest_shown)} +
                                               "\"; accepted are sha512 and sha256"};
  }
  std::string data{magic};
  append_text(data, name_space);
  append_text(data, "");
  append_text(data, hash);
  append_text(data, digest);
  return data;
}

// The inner signature: its type, 64 bytes, and for a token what follows them.
struct Inner {
  std::string_view signature{};
  std::uint8_t flags = 0;
  std::uint32_t counter = 0;
};

Judged<Inner> read_inner(std::string_view blob, KeyType type) {
  WireReader reader{blob};
  const auto name = reader.text();
  if (!name) return cut_off();
  if (*name != to_string(type))
    return Refusal{code::other_signature_type, "the signature is of another type than its key"};
  const auto bytes = reader.text();
  if (!bytes) return cut_off();
  if (bytes->size() != 64)
    return Refusal{code::bad_length,
                   "the signature has " + std::to_string(bytes->size()) + " bytes, expected 64"};
  Inner inner;
  inner.signature = *bytes;
  if (type == KeyType::sk_ed25519) {
    const auto flags = reader.byte();
    const auto counter = reader.number();
    if (!flags || !counter) return cut_off();
    inner.flags = *flags;
    inner.counter = *counter;
  }
  if (!reader.at_end())
    return Refusal{code::trailing_bytes, "there are bytes after the inner signature"};
  if (!has_canonical_scalar(inner.signature))
    return Refusal{code::not_canonical,
                   "the signature is a second form of another one: its number is not below the "
                   "group's order"};
  return inner;
}

Objection check_flags(const Inner& inner, Presence presence) {
  if ((inner.flags & ~(flag::touched | flag::pin | flag::backup)) != 0)
    return Refusal{code::bad_flags,
                   "the token's flags announce data that an SSH signature does not have"};
  if ((inner.flags & flag::touched) == 0)
    return Refusal{code::no_touch, "the token was not touched when it signed"};
  if (presence == Presence::touched_with_pin && (inner.flags & flag::pin) == 0)
    return Refusal{code::no_pin,
                   "the token checked no PIN or finger when it signed, which this order takes "
                   "(make the key with ssh-keygen -O verify-required)"};
  return std::nullopt;
}

// What a token signs in place of `data`.
std::string token_data(const PublicKey& key, const Inner& inner, std::string_view data) {
  std::string text = raw(sha256(key.application));
  text += static_cast<char>(inner.flags);
  append_number(text, inner.counter);
  return text + raw(sha256(data));
}

}  // namespace

Judged<Signature> verify_sshsig(std::string_view armored, std::string_view name_space,
                                std::string_view message, Presence presence) {
  const auto blob = dearmor(armored);
  if (const auto* refusal = refusal_of(blob)) return *refusal;
  const auto opened = read_outer(std::get<std::string>(blob));
  if (const auto* refusal = refusal_of(opened)) return *refusal;
  const auto& outer = std::get<Outer>(opened);
  if (auto objection = check_namespace(outer, name_space)) return *objection;
  const auto parsed = parse_key_blob(outer.key);
  if (const auto* refusal = refusal_of(parsed)) return *refusal;
  const auto& key = std::get<PublicKey>(parsed);
  const auto hashed = signed_data(name_space, outer.hash, message);
  if (const auto* refusal = refusal_of(hashed)) return *refusal;
  const auto read = read_inner(outer.signature, key.type);
  if (const auto* refusal = refusal_of(read)) return *refusal;
  const auto& inner = std::get<Inner>(read);

  const bool is_token = key.type == KeyType::sk_ed25519;
  const auto& plain = std::get<std::string>(hashed);
  if (!ed25519_verifies(key.point, is_token ? token_data(key, inner, plain) : plain,
                        inner.signature))
    return Refusal{code::bad_signature,
                   "the signature does not fit: the bytes were changed, or another key made it"};
  // After the signature: only then the flags are the token's own word.
  if (is_token)
    if (auto objection = check_flags(inner, presence)) return *objection;
  return Signature{
      .key = key, .is_pin_checked = (inner.flags & flag::pin) != 0, .counter = inner.counter};
}

}  // namespace holdfast::signing
