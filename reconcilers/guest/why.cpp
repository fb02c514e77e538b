// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "reconcilers/guest/explain.hpp"
#include "reconcilers/guest/guest_reconciler.hpp"

namespace holdfast {
namespace {

constexpr std::size_t shown_jobs = 20;

// How long the disks of the newest tombstone of that name are kept; none while a guest has the
// name.
Result<std::optional<Keeping>> keeping_of(const GuestWorld& world, const std::string& subject) {
  std::optional<Keeping> newest;
  if (TRY(world.journal.owner_of(subject))) return newest;
  const Moment now{world.clock.now(), world.journal.witnessed()};
  for (const Provenance& row : TRY(world.journal.all_provenance())) {
    const auto since = destroyed_at(row);
    if (row.subject != subject || row.life != Life::tombstone || !since) continue;
    const Keeping keeping{kept_until(*since, now), unwitnessed(*since, now)};
    if (!newest || newest->until < keeping.until) newest = keeping;
  }
  return newest;
}

}  // namespace

Result<std::vector<std::string>> GuestReconciler::why(const std::string& name) const {
  const std::string subject = guest_subject(name);
  Situation situation;
  situation.name = name;
  situation.operation = TRY(world_.journal.unfinished(subject));
  if (situation.operation) situation.steps = TRY(world_.journal.steps(situation.operation->id));
  auto planned = plan(name);
  if (planned)
    situation.plan = std::move(planned).value();
  else
    situation.unknown = planned.error().message();
  situation.tickets = TRY(world_.journal.open_tickets());
  std::erase_if(situation.tickets,
                [&](const TicketRecord& ticket) { return ticket.subject != subject; });
  situation.jobs = TRY(world_.journal.jobs(shown_jobs, subject));
  situation.conditions = TRY(world_.journal.conditions(subject));
  situation.kept = TRY(keeping_of(world_, subject));
  return explain(situation);
}

}  // namespace holdfast
