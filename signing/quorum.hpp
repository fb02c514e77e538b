// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "signing/key_set.hpp"
#include "signing/sshsig.hpp"

namespace holdfast::signing {

inline constexpr std::size_t most_signatures = 8;

// What a payload must carry to be believed.
struct Demand {
  std::string_view name_space{};
  std::size_t signers = 1;  // distinct keys of the set
  Presence presence = Presence::touched;
  Time now{};
};

// Who of the set signed. Each once, in the order of the signatures.
struct Endorsement {
  std::vector<Signer> signers{};
  // Signatures that are good and that do not count: the keys are not, or not now, in the set.
  std::vector<Refusal> uncounted{};
};

// Every signature is looked at. One that is malformed, made for another namespace, does not fit
// or lacks a touch refuses the whole, and so does the same key twice: nobody who means well sends
// such. One by a key that does not count is left out, so that a retired key takes away only
// itself; when those that stay are too few, and they are none, its reason is the answer.
Judged<Endorsement> verify_signatures(std::string_view payload,
                                      const std::vector<std::string>& signatures,
                                      const KeySet& keys, const Demand& demand);

}  // namespace holdfast::signing
