// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "signing/key_set.hpp"
#include "signing/sshsig.hpp"
#include "tests/fuzz/properties.hpp"
#include "tests/signing/forge.hpp"

namespace holdfast {
namespace {

std::string without_newlines(std::string_view text) {
  std::string joined{text};
  std::erase(joined, '\n');
  return joined;
}

bool is_accepted(std::string_view armored) {
  return std::holds_alternative<signing::Signature>(
      signing::verify_sshsig(armored, signing::job_namespace, "{}\n"));
}

}  // namespace

std::string broken_property_of_signature(std::string_view text) {
  // tests/fuzz/corpus/job.sig and token.sig.
  static const auto plain = forge::sshsig(forge::Pair{}, std::string_view{"{}\n"});
  static const auto token =
      forge::sshsig(forge::Pair{0, signing::KeyType::sk_ed25519}, std::string_view{"{}\n"});
  for (const std::string& armored : {std::string{text}, forge::armor(text)}) {
    if (!is_accepted(armored)) continue;
    const auto found = without_newlines(armored);
    if (found != without_newlines(plain) && found != without_newlines(token))
      return "a signature is accepted that nobody made: " + armored;
  }
  return {};
}

std::string broken_property_of_operators(std::string_view text) {
  const auto parsed = signing::parse_allowed_signers(text);
  if (!parsed) return {};
  for (const auto& signer : parsed->keys.signers) {
    std::string options;
    if (signer.namespaces) options = "namespaces=\"" + *signer.namespaces + "\" ";
    const auto again =
        signing::parse_allowed_signers(signer.name + " " + options + to_string(signer.key));
    if (!again || again->keys.signers.size() != 1) return "a line is refused once printed";
    const auto& read = again->keys.signers.front();
    if (read.key != signer.key || read.name != signer.name || read.namespaces != signer.namespaces)
      return "a line reads back as something else";
    if (!signing::object_to(signer, signing::job_namespace, Time{}) && signer.namespaces &&
        !signing::matches_pattern_list(*signer.namespaces, signing::job_namespace))
      return "a key counts for a namespace that it does not have";
  }
  return {};
}

}  // namespace holdfast
