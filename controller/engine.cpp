// SPDX-License-Identifier: Apache-2.0
#include "controller/engine.hpp"

#include <chrono>

#include "controller/host_conditions.hpp"
#include "controller/mass_change.hpp"
#include "journal/writes.hpp"

namespace holdfast {
namespace {

const std::string host_key{host_subject};
constexpr Duration soon{500};
// How often a journal that cannot be written is tried: work goes on soon after it can.
constexpr Duration while_unwritable = std::chrono::seconds{15};

}  // namespace

Engine::Engine(EngineParts parts)
    : parts_{std::move(parts)},
      gate_{parts_.journal, parts_.clock, parts_.random},
      guests_{GuestWorld{
          .journal = parts_.journal,
          .gate = gate_,
          .host = parts_.host,
          .clock = parts_.clock,
          .random = parts_.random,
          .desired = accepted_,
          .authorities = parts_.authorities != nullptr ? *parts_.authorities : no_authorities_,
          .host_id = parts_.host_id,
          .provider = parts_.provider,
          .log = parts_.log,
          .progress = [this](const StepProgress& p) { progress_.post(p); },
          .stop = parts_.stop}},
      host_pass_{HostPassParts{
          .journal = parts_.journal,
          .gate = gate_,
          .host = parts_.host,
          .clock = parts_.clock,
          .source = parts_.source,
          .accepted = accepted_,
          .guests = guests_,
          .authorities = parts_.authorities != nullptr ? *parts_.authorities : no_authorities_,
          .host_id = parts_.host_id,
          .log = parts_.log,
          .hub = parts_.hub}},
      host_queue_{parts_.clock, parts_.random},
      guests_queue_{parts_.clock, parts_.random} {
  last_pass_.lock()->at = parts_.clock.elapsed();
}

Result<std::unique_ptr<Engine>> Engine::start(EngineParts parts) {
  std::unique_ptr<Engine> engine{new Engine{std::move(parts)}};
  TRY(engine->take_up().context("take up the journal"));
  return engine;
}

Result<void> Engine::take_up() {
  observe_only_ = TRY(parts_.journal.mode()) == DaemonMode::observe_only;
  if (const auto row = TRY(parts_.journal.accepted())) {
    auto wanted = parse_wanted(row->content);
    if (wanted) {
      accepted_.replace(std::make_shared<const Wanted>(std::move(*wanted)));
    } else {
      // Going on without it is safe: nothing is wanted, nothing is dropped, until the
      // source answers. Saying so matters.
      parts_.log.error("the accepted desired state cannot be read back",
                       {{"error", wanted.error().describe()}});
    }
  }
  for (const Operation& operation : TRY(parts_.journal.unfinished()))
    wake_for_job(operation.subject);
  for (const JobRecord& job : TRY(parts_.journal.waiting_jobs())) wake_for_job(job.subject);
  host_queue_.add(host_key, Priority::resync);
  return ok();
}

Duration Engine::resync() const {
  const auto wanted = accepted_.wanted();
  const Duration period =
      wanted && wanted->state.host_config ? wanted->state.host_config->resync : HostConfig{}.resync;
  return with_jitter(period, parts_.random.next());
}

void Engine::run_host(const std::stop_token& stop) {
  while (const auto key = host_queue_.take(stop)) {
    pass_host();
    host_queue_.done(*key);
  }
}

void Engine::run_worker(const std::stop_token& stop) {
  while (const auto key = guests_queue_.take(stop)) {
    pass_guest(*key);
    guests_queue_.done(*key);
  }
}

bool Engine::step() {
  if (const auto key = host_queue_.try_take()) {
    pass_host();
    host_queue_.done(*key);
    return true;
  }
  if (const auto key = guests_queue_.try_take()) {
    pass_guest(*key);
    guests_queue_.done(*key);
    return true;
  }
  return false;
}

std::optional<Duration> Engine::next_due() {
  const auto host = host_queue_.next_due();
  const auto guests = guests_queue_.next_due();
  if (!host) return guests;
  if (!guests) return host;
  return std::min(*host, *guests);
}

void Engine::work_on_host_jobs() {
  if (observe_only_ || !parts_.host_jobs) return;
  const auto again = parts_.host_jobs();
  if (!again) {
    parts_.log.error("signed job about the host failed", {{"error", again.error().describe()}});
    host_queue_.retry(host_key, retry_for(again.error().code()));
  } else if (*again) {
    host_queue_.add_after(host_key, **again, Priority::job);
  }
}

// Backs off, but not beyond a resync: looking costs one call, and the event that would say that
// a provider is back may be lost.
void Engine::retry_host(Retry how) {
  host_queue_.retry(host_key, how);
  host_queue_.add_after(host_key, resync(), Priority::resync);
}

void Engine::give_up_host_pass(const Error& error) {
  ++metrics_.host_failures;
  parts_.log.error("host pass failed", {{"error", error.describe()}});
  const Retry retry = retry_for(error.code());
  if (parts_.journal.write_failure()) {
    // The loop works; a full disk is no reason for the watchdog to end the daemon.
    if (parts_.on_pass_finished) parts_.on_pass_finished();
    host_queue_.add_after(host_key, while_unwritable, Priority::resync);
  } else if (retry == Retry::when_changed || retry == Retry::never) {
    host_queue_.add_after(host_key, resync(), Priority::resync);
  } else {
    retry_host(retry);
  }
}

void Engine::pass_host() {
  const Duration began = parts_.clock.elapsed();
  work_on_host_jobs();
  const auto outcome = host_pass_.run();
  metrics_.host_passes.add(parts_.clock.elapsed() - began);
  if (!outcome) {
    give_up_host_pass(outcome.error());
    return;
  }
  if (outcome->has_accepted) guests_queue_.forget_all();
  if (!observe_only_)
    for (const std::string& name : outcome->guests)
      guests_queue_.add(guest_subject(name), Priority::drift);
  *last_pass_.lock() = LastPass{parts_.clock.now(), parts_.clock.elapsed() - began,
                                outcome->is_observed, parts_.clock.elapsed()};
  if (const auto wanted = accepted_.wanted();
      parts_.on_log_level && wanted && wanted->state.host_config)
    parts_.on_log_level(wanted->state.host_config->log_level);
  // A provider that is away is a finished pass: the loop works, and says what it sees.
  if (parts_.on_pass_finished) parts_.on_pass_finished();
  if (!outcome->is_observed) {
    retry_host(Retry::patiently);
    return;
  }
  host_queue_.forget(host_key);
  const Duration next = outcome->look_again_soon         ? soon
                        : parts_.journal.write_failure() ? while_unwritable
                                                         : resync();
  host_queue_.add_after(host_key, next, Priority::resync);
}

void Engine::pass_guest(const std::string& key) {
  if (observe_only_) return;
  const auto name = guest_name_of(key);
  if (!name) {
    parts_.log.error("an operation has a subject that nothing here reconciles", {{"subject", key}});
    return;
  }
  const Duration began = parts_.clock.elapsed();
  const auto requeue = guests_.reconcile(*name);
  metrics_.guest_passes.add(parts_.clock.elapsed() - began);
  host_pass_.distrust();
  progress_.clear(key);
  if (parts_.on_guest_pass) parts_.on_guest_pass();
  if (!requeue) {
    const Error& error = requeue.error();
    const Retry retry = retry_for(error.code());
    ++metrics_.guest_failures;
    parts_.log.warn("pass failed", {{"guest", *name}, {"error", error.describe()}});
    guests_queue_.retry(key, retry);
    if (parts_.journal.write_failure())
      host_queue_.add_after(host_key, while_unwritable, Priority::resync);
    return;
  }
  if (!requeue->is_waiting) guests_queue_.forget(key);
  if (requeue->delay) guests_queue_.add_after(key, *requeue->delay, Priority::drift);
}

void Engine::wake_host() { host_queue_.add(host_key, Priority::drift); }

void Engine::wake(const Uuid& uuid) {
  if (!uuid.is_nil()) {
    const auto row = parts_.journal.provenance(uuid);
    if (row && *row && (*row)->life != Life::gone) {
      guests_queue_.add((*row)->subject, Priority::drift);
      return;
    }
  }
  wake_host();
}

void Engine::wake_for_order(const std::string& name) {
  guests_queue_.add(guest_subject(name), Priority::job);
}

void Engine::wake_for_job(const std::string& subject) {
  if (guest_name_of(subject))
    guests_queue_.add(subject, Priority::job);
  else
    host_queue_.add(host_key, Priority::job);
}

Result<void> Engine::resume_work() {
  const auto conditions = TRY(parts_.journal.conditions(host_key));
  const auto body = [&](Writes& writes) -> Result<void> {
    TRY(writes.set_fact("mode", "normal"));
    for (const ConditionRecord& condition : conditions)
      if (condition.type == journal_readable && condition.status == ConditionStatus::no)
        TRY(writes.put(host_key,
                       {.type = condition.type,
                        .status = ConditionStatus::yes,
                        .reason = "Recovered",
                        .message = "rebuilt from the guests' markers by `holdfast recover`",
                        .changed = parts_.clock.now()}));
    return ok();
  };
  TRY(parts_.journal.commit(body));
  observe_only_ = false;
  host_pass_.distrust();
  wake_host();
  return ok();
}

}  // namespace holdfast
