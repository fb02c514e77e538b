// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace holdfast {

// The Ed25519 key that a host's id comes from (host_id_of() of its public half). Made once;
// proves at an enrolment that this is the host of that id. Never leaves the host.
class EnrolmentKey {
 public:
  // Errc::corrupt when the file holds something else; not_found when there is none.
  static Result<EnrolmentKey> load(const std::string& path);
  // Mode 0600, on disk when it returns. Replaces what was there.
  static Result<EnrolmentKey> create(const std::string& path);

  const std::string& public_key() const { return public_key_; }  // the 32 bytes
  // The 64 bytes of the signature (RFC 8032).
  Result<std::string> sign(std::string_view message) const;

 private:
  explicit EnrolmentKey(std::shared_ptr<evp_pkey_st> key);
  std::shared_ptr<evp_pkey_st> key_;
  std::string public_key_{};
};

}  // namespace holdfast
