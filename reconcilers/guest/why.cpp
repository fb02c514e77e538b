// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "reconcilers/guest/explain.hpp"
#include "reconcilers/guest/guest_reconciler.hpp"

namespace holdfast {
namespace {

constexpr std::size_t shown_jobs = 20;

// When the disks of the newest tombstone of that name go; none while a guest has the name.
Result<std::optional<Time>> removal_of(const Journal& journal, const std::string& subject) {
  std::optional<Time> removed;
  if (TRY(journal.owner_of(subject))) return removed;
  for (const Provenance& row : TRY(journal.all_provenance()))
    if (row.subject == subject && row.life == Life::tombstone && row.tombstoned_at)
      removed = std::max(removed, std::optional{*row.tombstoned_at + tombstone_keep});
  return removed;
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
  situation.removed = TRY(removal_of(world_.journal, subject));
  return explain(situation);
}

}  // namespace holdfast
