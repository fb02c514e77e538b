// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "signing/public_key.hpp"
#include "signing/refusal.hpp"

// What `ssh-keygen -Y sign` writes (OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f), verified more
// strictly than `ssh-keygen -Y verify` does: of the many texts that it accepts for one
// signature, one is accepted here. Pure; touches no file and no clock.
namespace holdfast::signing {

// One purpose each. A signature made for one is never accepted for another.
inline constexpr std::string_view job_namespace = "job@holdfast";
inline constexpr std::string_view release_namespace = "release@holdfast";
inline constexpr std::string_view policy_namespace = "policy@holdfast";

// What a FIDO token must say of how it was used. Keys that are files say nothing.
enum class Presence { touched, touched_with_pin };

// What a signature that verified says of itself.
struct Signature {
  PublicKey key{};
  // Of a token: whether a PIN or a finger was checked, and how often it has signed. Some
  // tokens always say 0.
  bool is_pin_checked = false;
  std::uint32_t counter = 0;
};

// The armored signature over exactly `message`, for `name_space`. Says nothing of whose key it
// is: that is for KeySet (signing/key_set.hpp).
Judged<Signature> verify_sshsig(std::string_view armored, std::string_view name_space,
                                std::string_view message, Presence presence = Presence::touched);

}  // namespace holdfast::signing
