// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "hub/services.hpp"
#include "schema/hub_protocol.hpp"

namespace holdfast::hub {

// What a hub hands out and what it answers with.
struct Credentials {
  std::string ca{};   // PEM
  std::string pin{};  // of the hub's own key
};

inline constexpr Duration token_life{3'600'000};

// A token for one host, good for an hour, made for the operator `author`.
Result<EnrollToken> make_token(const Services& to, const Credentials& credentials,
                               const std::string& author);

// Spends the token and gives the host a key; a host that is known keeps all but its key.
// Errc::denied, its message beginning with the code: TokenUnknown, TokenSpent, TokenExpired,
// ProofInvalid; invalid when the hostId is not that of the public key. Waits for the disk.
Result<EnrollResponse> enroll(const Services& to, const Credentials& credentials,
                              const EnrollRequest& request);

}  // namespace holdfast::hub
