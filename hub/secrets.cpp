// SPDX-License-Identifier: Apache-2.0
#include "hub/secrets.hpp"

#include <cstdlib>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/handle.hpp"
#include "base/sha256.hpp"
#include "schema/base64.hpp"

namespace holdfast::hub {
namespace {

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  // Fails only when the kernel gives no randomness: there is no going on without it.
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) != 1)
    std::abort();
  return bytes;
}

}  // namespace

std::string random_key() { return to_base64url(random_bytes(32)); }

std::string random_id() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string id;
  for (const char c : random_bytes(16)) {
    const auto octet = static_cast<unsigned char>(c);
    id += digits[octet >> 4U];
    id += digits[octet & 0xfU];
  }
  return id;
}

std::string hash_of(std::string_view secret) { return to_hex(sha256(secret)); }

bool is_same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool is_signed(std::string_view message, std::string_view signature, std::string_view public_key) {
  const Handle<EVP_PKEY, EVP_PKEY_free> key{EVP_PKEY_new_raw_public_key(
      EVP_PKEY_ED25519, nullptr, octets(public_key), public_key.size())};
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context{EVP_MD_CTX_new()};
  return key && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(message),
                          message.size()) == 1;
}

}  // namespace holdfast::hub
