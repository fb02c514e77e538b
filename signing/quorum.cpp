// SPDX-License-Identifier: Apache-2.0
#include "signing/quorum.hpp"

#include <algorithm>

#include "signing/codes.hpp"

namespace holdfast::signing {
namespace {

Refusal too_few(const Endorsement& endorsement, std::size_t wanted) {
  const std::size_t found = endorsement.signers.size();
  if (found == 0 && !endorsement.uncounted.empty()) return endorsement.uncounted.front();
  std::string message = std::to_string(found) + (found == 1 ? " operator" : " operators") +
                        " signed, and this takes " + std::to_string(wanted);
  for (const Refusal& refusal : endorsement.uncounted) message += "; " + refusal.message;
  return {code::too_few_signers, std::move(message)};
}

}  // namespace

Judged<Endorsement> verify_signatures(std::string_view payload,
                                      const std::vector<std::string>& signatures,
                                      const KeySet& keys, const Demand& demand) {
  if (signatures.empty()) return Refusal{code::unsigned_payload, "it carries no signature"};
  if (signatures.size() > most_signatures)
    return Refusal{code::too_many_signatures, "it carries " + std::to_string(signatures.size()) +
                                                  " signatures, at most " +
                                                  std::to_string(most_signatures) + " are read"};
  Endorsement endorsement;
  std::vector<PublicKey> seen;
  for (const std::string& armored : signatures) {
    const auto judged = verify_sshsig(armored, demand.name_space, payload, demand.presence);
    if (const auto* refusal = refusal_of(judged)) return *refusal;
    const PublicKey& key = std::get<Signature>(judged).key;
    if (std::find(seen.begin(), seen.end(), key) != seen.end())
      return Refusal{code::same_signer_twice,
                     "the key " + fingerprint(key) + " signed twice; each counts once"};
    seen.push_back(key);
    const Signer* signer = keys.find(key);
    if (signer == nullptr) {
      endorsement.uncounted.push_back(
          {code::unknown_signer, "the key " + fingerprint(key) + " is none of the operators'"});
    } else if (auto objection = object_to(*signer, demand.name_space, demand.now)) {
      endorsement.uncounted.push_back(std::move(*objection));
    } else {
      endorsement.signers.push_back(*signer);
    }
  }
  // A demand of nobody would let anything pass.
  const std::size_t wanted = std::max<std::size_t>(demand.signers, 1);
  if (endorsement.signers.size() < wanted) return too_few(endorsement, wanted);
  return endorsement;
}

}  // namespace holdfast::signing
