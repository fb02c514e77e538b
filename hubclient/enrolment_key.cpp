// SPDX-License-Identifier: Apache-2.0
#include "hubclient/enrolment_key.hpp"

#include <array>
#include <utility>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/handle.hpp"
#include "hubclient/durable_file.hpp"

namespace holdfast {
namespace {

constexpr std::size_t longest_file = 4096;

using KeyHandle = std::shared_ptr<EVP_PKEY>;
using BioHandle = Handle<BIO, BIO_free_all>;
using ContextHandle = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;

KeyHandle own(EVP_PKEY* key) { return KeyHandle{key, EVP_PKEY_free}; }

}  // namespace

EnrolmentKey::EnrolmentKey(std::shared_ptr<evp_pkey_st> key) : key_{std::move(key)} {
  std::array<unsigned char, 32> raw{};
  std::size_t size = raw.size();
  EVP_PKEY_get_raw_public_key(key_.get(), raw.data(), &size);
  public_key_.assign(raw.begin(), raw.end());
}

Result<EnrolmentKey> EnrolmentKey::load(const std::string& path) {
  auto pem = TRY(read_file(path, longest_file));
  if (!pem) return Error{Errc::not_found, path + ": there is no enrolment key"};
  std::string& text = *pem;
  const BioHandle bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  const auto key = own(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  OPENSSL_cleanse(text.data(), text.size());
  if (key && EVP_PKEY_get_id(key.get()) == EVP_PKEY_ED25519) return EnrolmentKey{key};
  return Error{Errc::corrupt, path +
                                  " does not hold an Ed25519 key; restore it from a backup, or "
                                  "remove it together with host-id to begin as a new host"};
}

Result<EnrolmentKey> EnrolmentKey::create(const std::string& path) {
  const auto key = own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!key) return Error{Errc::internal, "cannot make an Ed25519 key"};
  const BioHandle bio{BIO_new(BIO_s_secmem())};
  if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                            nullptr) != 1)
    return Error{Errc::internal, "cannot print an Ed25519 key"};
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  TRY(replace_file(path, {text, static_cast<std::size_t>(size)}, 0600));
  return EnrolmentKey{key};
}

Result<std::string> EnrolmentKey::sign(std::string_view message) const {
  const ContextHandle context{EVP_MD_CTX_new()};
  std::array<unsigned char, 64> signature{};
  std::size_t size = signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size,
                     reinterpret_cast<const unsigned char*>(message.data()), message.size()) != 1 ||
      size != signature.size())
    return Error{Errc::internal, "cannot sign with the enrolment key"};
  return std::string{signature.begin(), signature.end()};
}

}  // namespace holdfast
