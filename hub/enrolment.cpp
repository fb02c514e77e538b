// SPDX-License-Identifier: Apache-2.0
#include "hub/enrolment.hpp"

#include <utility>

#include "hub/secrets.hpp"

namespace holdfast::hub {
namespace {

Result<void> spend(const Tables& tables, const EnrollRequest& request, Time now) {
  const auto hash = hash_of(request.token);
  const auto token = TRY(tables.keys.token(hash));
  if (!token) return Error{Errc::denied, "TokenUnknown: this hub has not made that token"};
  if (token->spent)
    return Error{Errc::denied, "TokenSpent: the token was used at " +
                                   holdfast::to_string(*token->spent) + "; ask for a new one"};
  if (now >= token->expires)
    return Error{Errc::denied, "TokenExpired: the token was good until " +
                                   holdfast::to_string(token->expires) + "; ask for a new one"};
  return tables.keys.spend(hash, request.host_id, now);
}

Result<void> check_proof(const EnrollRequest& request) {
  if (host_id_of(request.public_key) != request.host_id)
    return Error{Errc::invalid, "enroll request: /hostId: expected " +
                                    host_id_of(request.public_key) + ", the public key's own"};
  if (is_signed(enroll_message(request.token, request.host_id), request.proof, request.public_key))
    return ok();
  return Error{Errc::denied, "ProofInvalid: the proof is not of that key, token and host"};
}

}  // namespace

Result<EnrollToken> make_token(const Services& to, const Credentials& credentials,
                               const std::string& author) {
  const EnrollToken token{random_id(), credentials.pin};
  const Token record{hash_of(token.token), author, to.clock.now() + token_life, {}};
  TRY(to.store.commit([&](const Tables& tables) { return tables.keys.add(record); }));
  return token;
}

Result<EnrollResponse> enroll(const Services& to, const Credentials& credentials,
                              const EnrollRequest& request) {
  TRY(check_proof(request));
  const auto key = random_key();
  const Time now = to.clock.now();
  const Host record{request.host_id, request.hostname, request.version, hash_of(key), now};
  const auto stored = to.store.commit([&](const Tables& tables) -> Result<void> {
    TRY(spend(tables, request, now));
    return tables.hosts.put(record);
  });
  if (!stored) return stored.error();
  {
    auto known = to.hosts.lock();
    auto& host = known->by_id[record.id];
    known->by_key.erase(host.record.key_hash);
    known->by_key[record.key_hash] = record.id;
    host.record = record;
    host.lease.heard = to.clock.elapsed();  // from now on its silence counts
  }
  ++to.metrics.enrolments;
  to.log.info("host enrolled", {{"host", record.id}, {"hostname", record.hostname}});
  return EnrollResponse{record.id, key, credentials.ca};
}

}  // namespace holdfast::hub
