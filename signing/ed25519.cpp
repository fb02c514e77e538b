// SPDX-License-Identifier: Apache-2.0
#include "signing/ed25519.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include <openssl/evp.h>

#include "base/handle.hpp"

namespace holdfast::signing {
namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t signature_bytes = 64;
using Number = std::array<std::uint8_t, 32>;  // little-endian, as RFC 8032 has them

// 2^255 - 19, the field's prime.
constexpr Number prime{0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
// 2^252 + 27742317777372353535851937790883648493, the order of the group.
constexpr Number order{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                       0xa2, 0xde, 0xf9, 0xde, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                       0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10};
// The y of the eight points of small order, whatever the sign of x: 0, 1, -1, and the two of
// order 8.
constexpr std::array<Number, 5> small_order{
    {{},
     {0x01},
     {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
     {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
      0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
      0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
     {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
      0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
      0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}}};

Number number(std::string_view bytes) {
  Number value{};
  std::transform(bytes.begin(), bytes.end(), value.begin(),
                 [](char c) { return static_cast<std::uint8_t>(c); });
  return value;
}

bool is_below(const Number& value, const Number& bound) {
  return std::lexicographical_compare(value.rbegin(), value.rend(), bound.rbegin(), bound.rend());
}

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

bool is_sound_key(std::string_view key) {
  if (key.size() != key_bytes) return false;
  Number y = number(key);
  y.back() &= 0x7fU;  // the sign of x
  return is_below(y, prime) &&
         std::find(small_order.begin(), small_order.end(), y) == small_order.end();
}

bool has_canonical_scalar(std::string_view signature) {
  return signature.size() == signature_bytes && is_below(number(signature.substr(32)), order);
}

bool ed25519_verifies(std::string_view key, std::string_view message, std::string_view signature) {
  if (key.size() != key_bytes || signature.size() != signature_bytes) return false;
  const Handle<EVP_PKEY, EVP_PKEY_free> pkey{
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets(key), key.size())};
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context{EVP_MD_CTX_new()};
  if (!pkey || !context) std::abort();  // no memory, or no default provider
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) == 1 &&
         EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(message),
                          message.size()) == 1;
}

std::string sha512(std::string_view bytes) {
  std::string hash(64, '\0');
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(hash.data()), &size,
                 EVP_sha512(), nullptr) != 1 ||
      size != hash.size())
    std::abort();
  return hash;
}

}  // namespace holdfast::signing
