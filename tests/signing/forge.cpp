// SPDX-License-Identifier: Apache-2.0
#include "tests/signing/forge.hpp"

#include <array>
#include <cstdlib>

#include <openssl/evp.h>

#include "base/handle.hpp"

namespace holdfast::forge {
namespace {

using KeyHandle = Handle<EVP_PKEY, EVP_PKEY_free>;

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* octets(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string hash_of(const EVP_MD* kind, std::string_view text) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), octets(out), &size, kind, nullptr) != 1) std::abort();
  out.resize(size);
  return out;
}

KeyHandle private_key(const std::string& seed) {
  KeyHandle key{EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                             octets(std::string_view{seed}), seed.size())};
  if (!key) std::abort();
  return key;
}

std::string signed_data(const Recipe& recipe) {
  std::string data = "SSHSIG";
  put_text(data, recipe.name_space);
  put_text(data, recipe.is_reserved_signed ? recipe.reserved : "");
  put_text(data, recipe.hash);
  put_text(data, hash_of(recipe.hash == "sha256" ? EVP_sha256() : EVP_sha512(), recipe.message));
  return data;
}

}  // namespace

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  text.resize(static_cast<std::size_t>(
      EVP_EncodeBlock(octets(text), octets(bytes), static_cast<int>(bytes.size()))));
  return text;
}

std::string from_base64(std::string_view text) {
  std::string bytes(text.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(octets(bytes), octets(text), static_cast<int>(text.size())) < 0) std::abort();
  bytes.resize(bytes.size() - (text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0));
  return bytes;
}

void put_number(std::string& out, std::uint32_t number) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(number >> shift & 0xffU);
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

Pair::Pair(std::uint8_t seed, signing::KeyType type, std::string application) {
  for (std::uint8_t i = 0; i < 32; ++i) seed_ += static_cast<char>(i + seed);
  const auto pair = private_key(seed_);
  key_.type = type;
  key_.point.resize(32);
  std::size_t size = 32;
  if (EVP_PKEY_get_raw_public_key(pair.get(), octets(key_.point), &size) != 1) std::abort();
  if (type == signing::KeyType::sk_ed25519) key_.application = std::move(application);
}

std::string Pair::sign(std::string_view message) const {
  const auto pair = private_key(seed_);
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context{EVP_MD_CTX_new()};
  std::string signature(64, '\0');
  std::size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, pair.get()) != 1 ||
      EVP_DigestSign(context.get(), octets(signature), &size, octets(message), message.size()) != 1)
    std::abort();
  return signature;
}

std::string Pair::line(std::string_view name, std::string_view options) const {
  std::string text{name};
  if (!options.empty()) text += " " + std::string{options};
  return text + " " + signing::to_string(key_) + "\n";
}

// OpenSSH's PROTOCOL.key, without a passphrase.
std::string Pair::private_key_file() const {
  std::string secret;
  put_number(secret, 0x01020304);
  put_number(secret, 0x01020304);
  put_text(secret, "ssh-ed25519");
  put_text(secret, key_.point);
  put_text(secret, seed_ + key_.point);
  put_text(secret, "test");
  for (char pad = 1; secret.size() % 8 != 0; ++pad) secret += pad;
  std::string whole{"openssh-key-v1\0", 15};
  put_text(whole, "none");
  put_text(whole, "none");
  put_text(whole, "");
  put_number(whole, 1);
  put_text(whole, signing::to_blob(key_));
  put_text(whole, secret);
  std::string text = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
  const std::string encoded = base64(whole);
  for (std::size_t at = 0; at < encoded.size(); at += 70) text += encoded.substr(at, 70) + "\n";
  return text + "-----END OPENSSH PRIVATE KEY-----\n";
}

std::string blob(const Pair& pair, const Recipe& recipe) {
  const bool is_token = pair.key().type == signing::KeyType::sk_ed25519;
  std::string data = signed_data(recipe);
  std::string presence;
  if (is_token) {
    presence += static_cast<char>(recipe.flags);
    put_number(presence, recipe.counter);
    data = hash_of(EVP_sha256(), pair.key().application) + presence + hash_of(EVP_sha256(), data);
  }
  std::string inner;
  put_text(inner, recipe.signature_type.value_or(std::string{to_string(pair.key().type)}));
  put_text(inner, recipe.signature ? *recipe.signature : pair.sign(data));
  inner += presence + recipe.after_signature;
  std::string out = recipe.magic;
  put_number(out, recipe.version);
  put_text(out, recipe.key_blob.value_or(signing::to_blob(pair.key())));
  put_text(out, recipe.stated_space.value_or(recipe.name_space));
  put_text(out, recipe.reserved);
  put_text(out, recipe.stated_hash.value_or(recipe.hash));
  put_text(out, inner);
  return out + recipe.after_blob;
}

std::string armor(std::string_view bytes, std::size_t columns) {
  std::string text = "-----BEGIN SSH SIGNATURE-----\n";
  const std::string encoded = base64(bytes);
  for (std::size_t at = 0; at < encoded.size(); at += columns)
    text += encoded.substr(at, columns) + "\n";
  return text + "-----END SSH SIGNATURE-----\n";
}

std::string sshsig(const Pair& pair, const Recipe& recipe) { return armor(blob(pair, recipe)); }

std::string sshsig(const Pair& pair, std::string_view message) {
  Recipe recipe;
  recipe.message = message;
  return sshsig(pair, recipe);
}

std::string plus_order(std::string signature) {
  constexpr std::array<std::uint8_t, 32> order{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                               0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                               0,    0,    0,    0,    0,    0,    0,    0,
                                               0,    0,    0,    0,    0,    0,    0,    0x10};
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    const unsigned sum = static_cast<std::uint8_t>(signature[32 + i]) + order[i] + carry;
    signature[32 + i] = static_cast<char>(sum & 0xffU);
    carry = sum >> 8U;
  }
  return signature;
}

}  // namespace holdfast::forge
