// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

// A certificate authority for one hub. Hosts pin it for years, so that it lives 20 of them,
// and what it signs 10.
namespace holdfast::hub {

// PEM.
struct Identity {
  std::string key{};
  std::string certificate{};
};

// ECDSA over P-256 throughout. Errc::internal when OpenSSL will not.
Result<Identity> make_ca(Time now);
// For the DNS names and addresses by which hosts reach the hub. The certificate is followed by
// the CA's.
Result<Identity> issue(const Identity& ca, const std::vector<std::string>& names, Time now);
// When the first certificate of `pem` is over. Errc::invalid when there is none.
Result<Time> good_until(std::string_view pem);
// SHA-256 of the key's SubjectPublicKeyInfo, 32 bytes: what enrolment tokens pin.
// Errc::invalid when `certificate` is none.
Result<std::string> pin_of(std::string_view certificate);

}  // namespace holdfast::hub
