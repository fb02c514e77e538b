// SPDX-License-Identifier: Apache-2.0
#include "hub/heartbeats.hpp"

#include <memory>
#include <utility>

#include "hub/answers.hpp"

namespace holdfast::hub {
namespace {

// Whether the host lives, as its lease sees it.
Result<void> note(const Services& to, const Beat& beat) {
  auto known = to.hosts.lock();
  const auto found = known->by_id.find(beat.host);
  if (found == known->by_id.end()) return Error{Errc::denied, "this host was removed"};
  auto& host = found->second;
  if (host.beat && host.beat->said.session == beat.said.session &&
      beat.said.sequence <= host.beat->said.sequence) {
    ++to.metrics.heartbeats_refused;
    return Error{Errc::conflict, "sequence " + std::to_string(beat.said.sequence) +
                                     " was here already in this session: a replay"};
  }
  host.beat = beat;
  host.lease.heard = to.clock.elapsed();
  host.lease.pass_age = beat.said.pass_age;
  return ok();
}

}  // namespace

void take_heartbeat(const Services& to, std::string host, const std::string& body,
                    http::Responder responder) {
  auto said = parse_message<Heartbeat>(body);
  if (!said) return responder.answer(answer(said.error()));
  const Beat beat{std::move(host), to.clock.now(), std::move(*said)};
  if (const auto noted = note(to, beat); !noted) return responder.answer(answer(noted.error()));
  const auto later = std::make_shared<http::Responder>(std::move(responder));
  to.store.write(
      beat, [&metrics = to.metrics, &clock = to.clock, later](const Result<void>& stored) {
        if (!stored) return later->answer(answer(stored.error()));
        ++metrics.heartbeats;
        later->answer(answer(Result<std::string>{to_json(HeartbeatResponse{clock.now()})}));
      });
}

}  // namespace holdfast::hub
