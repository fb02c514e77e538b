// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "signing/public_key.hpp"

// Makes signatures as ssh-keygen does, and wrong in any one way. The only code of the project
// that can sign; no library of the program has it.
namespace holdfast::forge {

// A key pair from a seed: the same seed is the same pair, everywhere.
class Pair {
 public:
  explicit Pair(std::uint8_t seed = 0, signing::KeyType type = signing::KeyType::ed25519,
                std::string application = "ssh:");

  const signing::PublicKey& key() const { return key_; }
  std::string sign(std::string_view message) const;  // 64 bytes, RFC 8032
  // "NAME ssh-ed25519 AAAA...", a line of an allowed_signers file.
  std::string line(std::string_view name, std::string_view options = {}) const;
  // The file that `ssh-keygen -f` takes; plain keys only.
  std::string private_key_file() const;

 private:
  std::string seed_;
  signing::PublicKey key_;
};

// What goes into a signature, each part replaceable. What is left empty is made as it should be.
struct Recipe {
  std::string name_space = "job@holdfast";
  std::string message{};
  std::string hash = "sha512";
  std::uint8_t flags = 1;  // tokens only
  std::uint32_t counter = 7;

  std::string magic = "SSHSIG";
  std::uint32_t version = 1;
  std::string reserved{};
  bool is_reserved_signed = false;              // also in the bytes that are signed
  std::optional<std::string> key_blob{};        // the outer field
  std::optional<std::string> stated_hash{};     // the outer field
  std::optional<std::string> stated_space{};    // the outer field
  std::optional<std::string> signature_type{};  // inside the signature field
  std::optional<std::string> signature{};       // the 64 bytes
  std::string after_signature{};                // inside the signature field, at its end
  std::string after_blob{};
};

std::string blob(const Pair& pair, const Recipe& recipe);
// As ssh-keygen prints it: lines of 70.
std::string armor(std::string_view bytes, std::size_t columns = 70);
std::string sshsig(const Pair& pair, const Recipe& recipe);
std::string sshsig(const Pair& pair, std::string_view message);  // for job@holdfast

// The scalar half of a signature plus the group's order: verifies as well, without a check.
std::string plus_order(std::string signature);

std::string base64(std::string_view bytes);
std::string from_base64(std::string_view text);
void put_number(std::string& out, std::uint32_t number);
void put_text(std::string& out, std::string_view text);

}  // namespace holdfast::forge
