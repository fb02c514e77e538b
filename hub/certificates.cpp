// SPDX-License-Identifier: Apache-2.0
#include "hub/certificates.hpp"

#include <arpa/inet.h>

#include <chrono>
#include <ctime>
#include <memory>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/handle.hpp"
#include "base/sha256.hpp"

namespace holdfast::hub {
namespace {

using BioHandle = Handle<BIO, BIO_free_all>;
using KeyHandle = Handle<EVP_PKEY, EVP_PKEY_free>;
using CertificateHandle = Handle<X509, X509_free>;
using ExtensionHandle = Handle<X509_EXTENSION, X509_EXTENSION_free>;

constexpr std::chrono::hours ca_life{24 * 7305};      // 20 years
constexpr std::chrono::hours server_life{24 * 3652};  // 10
constexpr std::chrono::hours clock_slack{24};         // a host's clock may be behind

Error openssl_error(const std::string& doing) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return {Errc::internal, doing + ": " + (reason != nullptr ? reason : "OpenSSL will not")};
}

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

BioHandle reading(std::string_view pem) {
  return BioHandle{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
}

Result<Identity> pem_of(EVP_PKEY* key, X509* certificate) {
  const BioHandle for_key{BIO_new(BIO_s_mem())};
  const BioHandle for_certificate{BIO_new(BIO_s_mem())};
  if (PEM_write_bio_PrivateKey(for_key.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_bio_X509(for_certificate.get(), certificate) != 1)
    return openssl_error("print a certificate");
  return Identity{text_of(for_key.get()), text_of(for_certificate.get())};
}

bool extend(X509* certificate, X509* issuer, int what, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ExtensionHandle extension{X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str())};
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// A certificate without extensions and signature.
Result<CertificateHandle> draft(EVP_PKEY* key, const std::string& name, Time now,
                                std::chrono::hours life) {
  CertificateHandle certificate{X509_new()};
  std::uint64_t serial = 0;
  if (!certificate || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1)
    return openssl_error("start a certificate");
  const auto seconds = [](Time at) {
    return static_cast<time_t>(
        std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count());
  };
  auto* const raw = certificate.get();
  const bool is_fine =
      X509_set_version(raw, 2) == 1 &&
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(raw), serial >> 1U) == 1 &&
      X509_set_pubkey(raw, key) == 1 &&
      ASN1_TIME_set(X509_getm_notBefore(raw), seconds(now - clock_slack)) != nullptr &&
      ASN1_TIME_set(X509_getm_notAfter(raw), seconds(now + life)) != nullptr &&
      X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                 0) == 1;
  if (!is_fine) return openssl_error("fill in a certificate");
  return certificate;
}

bool is_address(const std::string& name) {
  unsigned char buffer[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, name.c_str(), buffer) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), buffer) == 1;
}

// Only what can stand in a subjectAltName as openssl(1) writes it.
Result<std::string> alternative_names(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names) {
    const bool is_plain =
        !name.empty() && name.size() <= 253 &&
        name.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:*") ==
            std::string::npos;
    if (!is_plain || (!is_address(name) && name.find(':') != std::string::npos))
      return Error{Errc::invalid,
                   "found \"" + name + "\", expected a DNS name or an address for the hub"};
    all += (all.empty() ? "" : ",") + std::string{is_address(name) ? "IP:" : "DNS:"} + name;
  }
  if (all.empty()) return Error{Errc::invalid, "the hub needs a name"};
  return all;
}

}  // namespace

Result<Identity> make_ca(Time now) {
  const KeyHandle key{EVP_EC_gen("P-256")};
  if (!key) return openssl_error("make a key");
  const auto certificate = TRY(draft(key.get(), "Holdfast hub CA", now, ca_life));
  auto* const raw = certificate.get();
  if (X509_set_issuer_name(raw, X509_get_subject_name(raw)) != 1 ||
      !extend(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !extend(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !extend(raw, raw, NID_subject_key_identifier, "hash") ||
      X509_sign(raw, key.get(), EVP_sha256()) == 0)
    return openssl_error("make a CA");
  return pem_of(key.get(), raw);
}

Result<Identity> issue(const Identity& ca, const std::vector<std::string>& names, Time now) {
  const auto alternatives = TRY(alternative_names(names));
  const auto ca_bio = reading(ca.certificate);
  const auto ca_key_bio = reading(ca.key);
  const CertificateHandle signer{PEM_read_bio_X509(ca_bio.get(), nullptr, nullptr, nullptr)};
  const KeyHandle signing_key{PEM_read_bio_PrivateKey(ca_key_bio.get(), nullptr, nullptr, nullptr)};
  if (!signer || !signing_key) return openssl_error("read the CA");
  const KeyHandle key{EVP_EC_gen("P-256")};
  if (!key) return openssl_error("make a key");
  const auto certificate = TRY(draft(key.get(), "Holdfast hub", now, server_life));
  auto* const raw = certificate.get();
  if (X509_set_issuer_name(raw, X509_get_subject_name(signer.get())) != 1 ||
      !extend(raw, signer.get(), NID_basic_constraints, "critical,CA:FALSE") ||
      !extend(raw, signer.get(), NID_key_usage, "critical,digitalSignature") ||
      !extend(raw, signer.get(), NID_ext_key_usage, "serverAuth") ||
      !extend(raw, signer.get(), NID_authority_key_identifier, "keyid") ||
      !extend(raw, signer.get(), NID_subject_alt_name, alternatives) ||
      X509_sign(raw, signing_key.get(), EVP_sha256()) == 0)
    return openssl_error("make the hub's certificate");
  auto identity = TRY(pem_of(key.get(), raw));
  identity.certificate += ca.certificate;
  return identity;
}

Result<Time> good_until(std::string_view pem) {
  const auto bio = reading(pem);
  const CertificateHandle parsed{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)};
  std::tm end{};
  if (!parsed || ASN1_TIME_to_tm(X509_get0_notAfter(parsed.get()), &end) != 1)
    return Error{Errc::invalid, "expected a certificate in PEM form"};
  return std::chrono::time_point_cast<Duration>(
      std::chrono::system_clock::from_time_t(::timegm(&end)));
}

Result<std::string> pin_of(std::string_view certificate) {
  const auto bio = reading(certificate);
  const CertificateHandle parsed{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)};
  if (!parsed) return Error{Errc::invalid, "expected a certificate in PEM form"};
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(parsed.get()), &der);
  if (size <= 0) return openssl_error("read a public key");
  const auto hash = sha256({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return std::string{reinterpret_cast<const char*>(hash.data()), hash.size()};
}

}  // namespace holdfast::hub
