// SPDX-License-Identifier: Apache-2.0
#include "base/sha256.hpp"

#include <cstdlib>

#include <openssl/evp.h>

#include "base/handle.hpp"

namespace holdfast {

namespace {

// Looked up once: OpenSSL would search its providers for each hash, which takes longer than
// hashing something short.
const EVP_MD* algorithm() {
  static const Handle<EVP_MD, EVP_MD_free> fetched{EVP_MD_fetch(nullptr, "SHA256", nullptr)};
  return fetched.get();
}

}  // namespace

struct Sha256Hasher::Context {
  Handle<EVP_MD_CTX, EVP_MD_CTX_free> evp{EVP_MD_CTX_new()};
};

Sha256Hasher::Sha256Hasher() : context_{std::make_unique<Context>()} {
  // Fails only without memory or without a default provider: neither can be survived.
  if (!context_->evp || EVP_DigestInit_ex(context_->evp.get(), algorithm(), nullptr) != 1)
    std::abort();
}
Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;

void Sha256Hasher::add(std::span<const std::byte> bytes) {
  if (EVP_DigestUpdate(context_->evp.get(), bytes.data(), bytes.size()) != 1) std::abort();
}

Sha256 Sha256Hasher::finish() {
  Sha256 hash{};
  unsigned size = 0;
  if (EVP_DigestFinal_ex(context_->evp.get(), hash.data(), &size) != 1 || size != hash.size())
    std::abort();
  return hash;
}

Sha256 sha256(std::string_view bytes) {
  Sha256Hasher hasher;
  hasher.add(std::as_bytes(std::span{bytes.data(), bytes.size()}));
  return hasher.finish();
}

std::string to_hex(const Sha256& hash) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(64);
  for (const auto byte : hash) {
    text += digits[byte >> 4];
    text += digits[byte & 0xf];
  }
  return text;
}

std::string digest_of(std::string_view bytes) { return "sha256:" + to_hex(sha256(bytes)); }

}  // namespace holdfast
