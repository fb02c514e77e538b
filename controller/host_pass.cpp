// SPDX-License-Identifier: Apache-2.0
#include "controller/host_pass.hpp"

#include <algorithm>
#include <chrono>

#include "controller/mass_change.hpp"
#include "journal/writes.hpp"
#include "reconcilers/guest/guest_facts.hpp"

namespace holdfast {
namespace {

// How long a quiet verdict is trusted while the provider reports nothing new: tombstones
// that fall due, tickets to renew and drift windows wait this long at most.
constexpr Duration verdict_life = std::chrono::hours{6};

constexpr std::string_view contact_fact = "hub.last-contact";
constexpr Duration contact_noted_each = std::chrono::hours{1};

std::vector<std::string> living_guests(const std::vector<Provenance>& rows) {
  std::vector<std::string> names;
  for (const Provenance& row : rows) {
    if (row.life != Life::live && row.life != Life::provisioning) continue;
    if (auto name = guest_name_of(row.subject)) names.push_back(std::move(*name));
  }
  return names;
}

}  // namespace

HostPass::HostPass(HostPassParts parts) : parts_{std::move(parts)}, conditions_{parts_.journal} {}

std::uint64_t HostPass::generation() const {
  const auto wanted = parts_.accepted.wanted();
  return wanted ? wanted->state.generation : 0;
}

Result<void> HostPass::say(const std::string& type, ConditionStatus status,
                           const std::string& reason, const std::string& message) {
  const bool is_new = TRY(conditions_.set("host", {.type = type,
                                                   .status = status,
                                                   .reason = reason,
                                                   .message = message,
                                                   .observed_generation = generation()}));
  if (is_new && status != ConditionStatus::yes)
    parts_.log.warn("host condition", {{"type", type}, {"reason", reason}, {"message", message}});
  return ok();
}

Result<HostPass::Outcome> HostPass::run() {
  Outcome outcome;
  // While it cannot be written much else goes on; what has to be written fails by itself.
  static_cast<void>(watch_journal());
  static_cast<void>(keep_witnessed());
  TRY(end_expired_mass_changes({parts_.journal, parts_.gate, parts_.authorities, parts_.clock}));
  TRY(take_desired(outcome));
  TRY(watch_hub());
  TRY(observe(outcome));
  return outcome;
}

// The proof that it can be written again, and the only trace of the time when it could not.
Result<void> HostPass::watch_journal() {
  const auto failure = parts_.journal.write_failure();
  if (!failure) return ok();
  TRY(say("JournalWritable", ConditionStatus::yes, "WrittenAgain",
          "it could not be written from " + to_string(failure->since) + " to " +
              to_string(parts_.clock.now()) + ": " + failure->cause.message()));
  parts_.log.info("the journal is written again", {{"since", to_string(failure->since)}});
  distrust();
  return ok();
}

// A hub that falls silent for a day must be told also when this host is rebooted every night.
Result<void> HostPass::watch_hub() {
  if (parts_.hub == nullptr) return ok();
  if (!knows_contact_) {
    if (const auto fact = TRY(parts_.journal.fact(contact_fact)))
      if (const auto time = parse_time(*fact)) last_contact_ = *time;
    knows_contact_ = true;
  }
  for (const ConditionRecord& condition : parts_.hub->conditions(last_contact_))
    TRY(say(condition.type, condition.status, condition.reason, condition.message));
  const auto last_sync = parts_.hub->standing().last_sync;
  if (!last_sync || (last_contact_ && *last_sync - *last_contact_ < contact_noted_each))
    return ok();
  last_contact_ = last_sync;
  return parts_.journal.commit(
      [&](Writes& writes) { return writes.set_fact(contact_fact, to_string(*last_sync)); });
}

Result<void> HostPass::take_desired(Outcome& outcome) {
  auto fetched = parts_.source.fetch();
  if (!fetched) {
    const Error& error = fetched.error();
    if (error.code() == Errc::conflict) {  // being written: the next look will tell
      outcome.look_again_soon = true;
      return ok();
    }
    const bool is_away = error.code() == Errc::unavailable || error.code() == Errc::not_found;
    return say("DesiredStateReadable", ConditionStatus::no,
               is_away ? "SourceUnavailable" : "SourceInvalid", error.message());
  }
  const auto before = parts_.accepted.wanted();
  if (*fetched) {
    held_.reset();
    undecided_ = std::move(**fetched);
  }
  if (undecided_) {
    auto decided = say("DesiredStateReadable", ConditionStatus::yes, "Read",
                       "read from " + parts_.source.describe());
    if (decided) decided = decide(*undecided_);
    // Said once by the source: kept while the journal cannot take it.
    if (decided || !parts_.journal.write_failure()) undecided_.reset();
    TRY(std::move(decided));
  } else if (held_ && !TRY(parts_.journal.waiting_jobs(host_subject)).empty()) {
    TRY(decide(Fetched{*held_}));
  }
  outcome.has_accepted = parts_.accepted.wanted() != before;
  return ok();
}

Result<void> HostPass::decide(const Fetched& fetched) {
  const auto held = parts_.accepted.wanted();
  const auto living = living_guests(TRY(parts_.journal.all_provenance()));
  Acceptance acceptance = judge(fetched, held.get(), living, parts_.host_id);
  switch (acceptance.kind) {
    case Acceptance::Kind::accept: return accept(std::move(acceptance), std::nullopt);
    case Acceptance::Kind::held: return hold(fetched, std::move(acceptance));
    case Acceptance::Kind::unchanged:
      parts_.accepted.hold({}, {});
      return say("DesiredStateAccepted", ConditionStatus::yes, "Accepted",
                 "generation " + std::to_string(generation()) + " is in force");
    case Acceptance::Kind::rolled_back:
    case Acceptance::Kind::forked:
    case Acceptance::Kind::jumped:
    case Acceptance::Kind::wrong_host:
      return say("DesiredStateAccepted", ConditionStatus::no, acceptance.reason,
                 acceptance.message);
  }
  return ok();
}

// Facts of guests that were destroyed while they were wanted, and that `next` does not name any
// more: wanted again, they are new ones.
Result<std::vector<std::string>> HostPass::destroyed_and_dropped(const Wanted& next) const {
  std::vector<std::string> facts;
  const auto before = parts_.accepted.wanted();
  if (!before) return facts;
  for (const std::string& name : before->guest_names()) {
    if (next.wants_guest(name)) continue;
    const auto fact = destruction_fact(name);
    const auto value = TRY(parts_.journal.fact(fact));
    if (value && !value->empty()) facts.push_back(fact);
  }
  return facts;
}

// Stored whole before anything is done about it.
Result<void> HostPass::accept(Acceptance acceptance, const std::optional<JobRecord>& allowed_by) {
  auto wanted = std::make_shared<const Wanted>(std::move(acceptance.wanted));
  const AcceptedState row{.generation = wanted->state.generation,
                          .digest = wanted->digest,
                          .content = to_json(*wanted),
                          .accepted_at = parts_.clock.now()};
  const auto dropped = TRY(destroyed_and_dropped(*wanted));
  const auto write = [&](Writes& writes) -> Result<void> {
    for (const std::string& fact : dropped) TRY(writes.set_fact(fact, ""));
    if (allowed_by) TRY(end_as_done(writes, *allowed_by, row.generation));
    return writes.accept(row);
  };
  TRY(parts_.journal.commit(write));
  held_.reset();
  parts_.accepted.replace(wanted);
  distrust();
  parts_.log.info("accepted desired state", {{"generation", wanted->state.generation},
                                             {"guests", wanted->guest_names().size()},
                                             {"rejected", wanted->state.rejected.size()}});
  TRY(report_images(*wanted));
  const auto& rejected = wanted->state.rejected;
  std::string message = "generation " + std::to_string(row.generation) + " is in force";
  if (!rejected.empty())
    message += "; " + std::to_string(rejected.size()) +
               " of its resources cannot be accepted: " + rejected.front().error.message();
  return say("DesiredStateAccepted", ConditionStatus::yes,
             rejected.empty() ? "Accepted" : "AcceptedInPart", message);
}

Result<void> HostPass::hold(const Fetched& fetched, Acceptance acceptance) {
  gate::Facts facts;
  facts.verb = gate::Verb::allow_mass_change;
  facts.subject = "host";
  facts.object = acceptance.wanted.digest;
  facts.marker = gate::MarkerState::no_object;
  facts.fingerprint = acceptance.wanted.digest;
  facts.now = parts_.clock.now();
  gate::TicketDetail detail;
  detail.host_id = parts_.host_id;
  for (const std::string& name : acceptance.dropped)
    detail.effects.push_back("guest " + name +
                             " is no longer wanted; it is kept, and each destroy still needs a "
                             "signature of its own");
  if (const auto job = TRY(find_allowing_job(
          {parts_.journal, parts_.gate, parts_.authorities, parts_.clock}, facts, detail)))
    return accept(std::move(acceptance), job);
  held_ = fetched;
  const auto refusal =
      TRY(parts_.gate.refuse(facts, parts_.gate.preview(facts), detail).context("mass change"));
  std::string message = acceptance.message;
  if (!refusal.ticket.empty()) message += " Ticket " + refusal.ticket + " allows it once signed.";
  parts_.accepted.hold(acceptance.dropped, message);
  distrust();
  return say("DesiredStateAccepted", ConditionStatus::no, acceptance.reason, message);
}

Result<void> HostPass::report_images(const Wanted& wanted) {
  for (const RejectedResource& rejected : wanted.state.rejected) {
    if (rejected.kind == "Guest") continue;  // the guest's own plan says it
    TRY(conditions_.set(rejected.kind + "/" + rejected.name,
                        {.type = "Accepted",
                         .status = ConditionStatus::no,
                         .reason = "Invalid",
                         .message = rejected.error.message(),
                         .observed_generation = wanted.state.generation}));
  }
  for (const Image& image : wanted.state.images) {
    const auto stored = parts_.host.images.find({image.name, image.version});
    const bool is_here = stored && stored->has_value();
    std::string reason = is_here ? "Stored" : "NotOnHost";
    std::string message = is_here ? "stored on this host"
                                  : "not on this host; bring it with `holdfast image import PATH`";
    if (is_here && (*stored)->image.disks != image.disks) {
      reason = "Differs";
      message = "the stored image of this version has other disks than the desired state says";
    }
    TRY(conditions_.set("Image/" + image.name + "/" + image.version,
                        {.type = "Available",
                         .status = reason == "Stored" ? ConditionStatus::yes : ConditionStatus::no,
                         .reason = reason,
                         .message = message,
                         .observed_generation = wanted.state.generation}));
  }
  return ok();
}

// The count by which seven days are told must survive a restart where something waits for them.
// Where nothing does, a quiet host stays without a single write, and is not asked again until
// something was committed.
Result<void> HostPass::keep_witnessed() {
  if (!parts_.journal.owes_witnessed()) return ok();
  const Duration now = parts_.clock.elapsed();
  if (kept_nothing_ && parts_.journal.since_last_commit() > now - *kept_nothing_) return ok();
  kept_nothing_.reset();
  if (TRY(parts_.guests.keeps_anything())) return parts_.journal.keep_witnessed();
  kept_nothing_ = now;
  return ok();
}

Result<void> HostPass::observe(Outcome& outcome) {
  auto inventory = parts_.host.inventory.observe_all();
  if (!inventory) {
    const Error& error = inventory.error();
    outcome.look_again_soon = true;
    TRY(say("ProviderAvailable", ConditionStatus::no, "Unavailable", error.message()));
    if (!provider_was_away_) {  // each guest says once that nothing is known of it
      outcome.guests = TRY(parts_.guests.known_guests());
      provider_was_away_ = true;
    }
    distrust();
    return ok();
  }
  outcome.is_observed = true;
  TRY(say("ProviderAvailable", ConditionStatus::yes, "Observed", "all guests were observed"));
  provider_was_away_ = false;

  auto wanted = parts_.accepted.wanted();
  const Duration now = parts_.clock.elapsed();
  const bool is_stale = std::exchange(*stale_.lock(), false);
  if (!is_stale && seen_ && seen_->was_quiet && seen_->wanted == wanted &&
      now - seen_->judged < verdict_life && seen_->guests == inventory->guests)
    return ok();
  auto judged = parts_.guests.out_of_sync(*inventory);
  if (!judged) {
    distrust();
    return std::move(judged).error();
  }
  outcome.guests = std::move(judged->guests);
  const bool is_quiet = outcome.guests.empty() && !judged->has_blocked;
  seen_ = Seen{std::move(inventory->guests), std::move(wanted), now, is_quiet};
  return ok();
}

}  // namespace holdfast
