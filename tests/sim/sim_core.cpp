// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_core.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::sim {
namespace {

bool takes_space(Call call) {
  return call == Call::restore || call == Call::create_blank || call == Call::copy_disk ||
         call == Call::grow_file || call == Call::grow_disk || call == Call::write_seed ||
         call == Call::snapshot_create || call == Call::import_image || call == Call::backup_take ||
         call == Call::backup_restore;
}

}  // namespace

SimCore::InFlight::InFlight(SimCore& core, Call call, const Uuid& subject)
    : core_{core}, subject_{subject} {
  if (subject.is_nil()) return;
  is_first_ = core_.in_flight_.lock()->insert(subject).second;
  if (is_first_) return;
  const std::lock_guard<std::recursive_mutex> lock{core_.mutex};
  core_.offend(std::string{to_string(call)} + " on " + to_string(subject) +
               " while another change of it was running");
}

SimCore::InFlight::~InFlight() {
  if (is_first_) core_.in_flight_.lock()->erase(subject_);
}

std::optional<Error> SimCore::refuse(Call call) {
  if (is_to_provider(call) && is_provider_away()) {
    return Error{Errc::unavailable, "the hypervisor does not answer"};
  }
  if (faults.strikes(FaultKind::late, call)) clock.advance(std::chrono::seconds{30});
  if (faults.strikes(FaultKind::unavailable, call)) {
    return Error{Errc::unavailable, std::string{to_string(call)} + " failed"};
  }
  if (takes_space(call) && faults.strikes(FaultKind::exhausted, call)) {
    return Error{Errc::exhausted, "no space left on device"};
  }
  return std::nullopt;
}

void SimCore::log(Call call, const Uuid& subject, std::optional<Errc> error) {
  world.calls.push_back({clock.now(), call, subject, error});
}

Result<SimDomain*> SimCore::find_ours(Call call, const Uuid& uuid) {
  SimDomain* found = world.domain(uuid);
  if (found == nullptr) return Error{Errc::not_found, "no domain has UUID " + to_string(uuid)};
  if (found->is_foreign) {
    offend(std::string{to_string(call)} + " on foreign guest " + found->name);
    return Error{Errc::conflict, found->name + " is not ours"};
  }
  if (!found->marker || found->marker->uuid != uuid) {
    return Error{Errc::conflict, found->name + " does not carry the marker expected"};
  }
  return found;
}

Result<void> SimCore::examine(const gate::Permit& permit, const Destruction& what,
                              std::initializer_list<gate::Verb> verbs) {
  auto covered =
      what.incarnation ? permit.covers(what.uuid, *what.incarnation) : permit.covers(what.uuid);
  const std::string said = std::string{to_string(what.call)} + " of " + to_string(what.uuid) + " " +
                           what.object + " under a permit to " +
                           std::string{to_string(permit.verb())};
  if (!covered) {
    offend(said + " that does not cover it: " + covered.error().message());
    return covered;
  }
  if (std::find(verbs.begin(), verbs.end(), permit.verb()) == verbs.end()) {
    offend(said);
    return Error{Errc::denied, said};
  }
  return ok();
}

Result<void> SimCore::check(const gate::Permit& permit, const Destruction& what,
                            std::initializer_list<gate::Verb> verbs) {
  TRY(examine(permit, what, verbs));
  const bool is_signed = world.is_signed(permit.verb(), permit.uuid(), permit.incarnation());
  world.destroyed.push_back({clock.now(), what.call, permit.verb(), what.uuid, permit.incarnation(),
                             permit.operation(), what.object, is_signed});
  return ok();
}

void SimCore::offend(std::string sentence) { world.offences.push_back(std::move(sentence)); }

void SimCore::announce(Call call, const Uuid& uuid) {
  if (!changed || is_provider_away()) return;
  if (!faults.strikes(FaultKind::event_lost, call)) events.push_back(uuid);
}

void SimCore::deliver_events() {
  while (true) {
    Uuid next;
    std::function<void(const Uuid&)> listener;
    {
      const std::lock_guard<std::recursive_mutex> lock{mutex};
      if (events.empty()) return;
      next = events.front();
      events.pop_front();
      listener = changed;
    }
    if (listener) listener(next);
  }
}

void SimCore::run_timers() {
  const Duration now = clock.elapsed();
  if (now < next_due) return;
  next_due = Duration::max();
  if (!is_back_announced) {
    if (now >= away_until) {
      is_back_announced = true;
      announce(Call::observe_all, Uuid{});
    } else {
      next_due = away_until;
    }
  }
  for (auto& [uuid, domain] : world.domains) {
    if (!domain.stop_due || domain.power == host::PowerState::suspended) continue;
    if (now < *domain.stop_due) {
      next_due = std::min(next_due, *domain.stop_due);
      continue;
    }
    ++domain.stops_by_us;
    world.end_run(domain, host::PowerState::stopped);
    announce(Call::request_stop, uuid);
  }
}

}  // namespace holdfast::sim
