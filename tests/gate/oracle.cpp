// SPDX-License-Identifier: Apache-2.0
#include "tests/gate/oracle.hpp"

#include <chrono>

namespace holdfast::gate {
namespace {

using std::chrono::hours;

// What the journal and the provider agree on.
bool row_is_this_guest(const Facts& f) {
  return f.provenance.has_value() && f.provenance->uuid == f.uuid && f.uuid != Uuid{} &&
         f.provenance->incarnation == f.incarnation && f.provenance->origin != Origin::foreign;
}
bool seen(const Facts& f) { return f.marker == MarkerState::matches; }
bool seen_or_not_there(const Facts& f) { return seen(f) || f.marker == MarkerState::no_object; }
bool in_use(const Facts& f) {
  return f.provenance->life == Life::provisioning || f.provenance->life == Life::live;
}

// An operator's signature for exactly this step, in time.
bool signed_for_this(const Facts& f) {
  if (!f.authority) return false;
  const Authority& a = *f.authority;
  const bool unchanged = a.fingerprint().empty() || a.fingerprint() == f.fingerprint;
  return a.verb() == f.verb && a.uuid() == f.uuid && a.incarnation() == f.incarnation &&
         a.object() == f.object && f.now < a.expires() && unchanged;
}

// At most one guest or 25 % of them a day, whichever is more, plus what was signed for.
bool one_more_fits_today(const Facts& f) {
  const unsigned after = f.budget.destroyed_today + 1;
  const unsigned extra = f.authority->extra_budget();
  return after <= 1 + extra || (after - extra) * 4 <= f.budget.guests;
}

bool whole_guest_verb(Verb v) {
  return v == Verb::destroy_guest || v == Verb::replace_image || v == Verb::restore_over;
}
bool part_of_guest_verb(Verb v) {
  return v == Verb::shrink_disk || v == Verb::remove_volume || v == Verb::move_disk;
}

struct AllowedWhen {
  const char* rule;
  bool (*holds)(const Facts&);
};

const AllowedWhen allowed_when[] = {
    {"an operation rolls back what it created itself and never finished",
     [](const Facts& f) {
       return f.verb == Verb::remove_unfinished && seen_or_not_there(f) && row_is_this_guest(f) &&
              f.provenance->origin != Origin::adopted && f.operation.value != 0 &&
              f.provenance->created_by == f.operation && !f.provenance->data_bearing &&
              f.provenance->life == Life::provisioning;
     }},
    {"our own scratch goes",
     [](const Facts& f) {
       return f.verb == Verb::remove_scratch && seen_or_not_there(f) && row_is_this_guest(f) &&
              f.provenance->origin == Origin::scratch && !f.provenance->data_bearing && in_use(f);
     }},
    {"a tombstone that was kept seven days is freed",
     [](const Facts& f) {
       return f.verb == Verb::free_tombstone && seen_or_not_there(f) && row_is_this_guest(f) &&
              f.provenance->life == Life::tombstone && f.provenance->tombstoned_at.has_value() &&
              f.provenance->tombstoned_witnessed + hours{168} <= f.witnessed;
     }},
    {"a tombstone is freed early on a signature",
     [](const Facts& f) {
       return f.verb == Verb::free_tombstone && seen_or_not_there(f) && row_is_this_guest(f) &&
              f.provenance->life == Life::tombstone && signed_for_this(f);
     }},
    {"a guest is destroyed, reimaged or restored over on a signature within the budget",
     [](const Facts& f) {
       return whole_guest_verb(f.verb) && seen(f) && row_is_this_guest(f) && in_use(f) &&
              (f.verb == Verb::destroy_guest || f.object != "") && signed_for_this(f) &&
              one_more_fits_today(f);
     }},
    {"a disk is shrunk, removed or moved on a signature that names it",
     [](const Facts& f) {
       return part_of_guest_verb(f.verb) && seen(f) && row_is_this_guest(f) && in_use(f) &&
              f.object != "" && signed_for_this(f);
     }},
    {"a guest goes back to its own snapshot and nothing is lost",
     [](const Facts& f) {
       return f.verb == Verb::roll_back_snapshot && seen(f) && row_is_this_guest(f) && in_use(f) &&
              f.object != "" && f.requester == Requester::guest &&
              f.copies.made_by_this_incarnation && f.copies.has_safety_copy && f.copies.newer < 1;
     }},
    {"a guest is rolled back on a signature",
     [](const Facts& f) {
       return f.verb == Verb::roll_back_snapshot && seen(f) && row_is_this_guest(f) && in_use(f) &&
              f.object != "" && signed_for_this(f);
     }},
    {"a copy of ours but the last tested one goes on a signature",
     [](const Facts& f) {
       return f.verb == Verb::remove_snapshot && seen(f) && row_is_this_guest(f) && in_use(f) &&
              f.object != "" && f.requester != Requester::policy && f.copies.is_ours &&
              !f.copies.is_last_tested && signed_for_this(f);
     }},
    {"a tombstone is undeleted on a signature",
     [](const Facts& f) {
       return f.verb == Verb::undelete_guest && seen(f) && row_is_this_guest(f) &&
              f.provenance->life == Life::tombstone && signed_for_this(f);
     }},
    {"what somebody else made and nobody removed is adopted on a signature",
     [](const Facts& f) {
       const bool is_unknown =
           !f.provenance || (f.provenance->origin == Origin::foreign &&
                             f.provenance->life != Life::gone && f.provenance->uuid == f.uuid);
       return f.verb == Verb::adopt_guest && f.marker == MarkerState::missing && is_unknown &&
              f.uuid != Uuid{} && f.object != "" && signed_for_this(f);
     }},
    {"an operation removes the disk that it made and never used",
     [](const Facts& f) {
       return f.verb == Verb::free_set_aside && seen(f) && row_is_this_guest(f) && in_use(f) &&
              f.object != "" && f.set_aside.made_by_this_operation;
     }},
    {"a disk that was set aside on a signature is freed after seven days",
     [](const Facts& f) {
       return f.verb == Verb::free_set_aside && seen(f) && row_is_this_guest(f) && in_use(f) &&
              f.object != "" && f.set_aside.since.has_value() &&
              f.set_aside.witnessed + hours{168} <= f.witnessed;
     }},
    {"a disk that was set aside is freed early on a signature",
     [](const Facts& f) {
       return f.verb == Verb::free_set_aside && seen(f) && row_is_this_guest(f) && in_use(f) &&
              f.object != "" && f.set_aside.since.has_value() && signed_for_this(f);
     }},
    {"policy removes an old copy of ours above the floors",
     [](const Facts& f) {
       return f.verb == Verb::remove_snapshot && seen(f) && row_is_this_guest(f) && in_use(f) &&
              f.object != "" && f.requester == Requester::policy && f.copies.is_ours &&
              f.copies.newer_verified > 2 && f.copies.age >= hours{168} && !f.copies.is_last_tested;
     }},
    {"a mass change goes through on a signature that names the state",
     [](const Facts& f) {
       return f.verb == Verb::allow_mass_change && f.object != "" && signed_for_this(f);
     }},
};

}  // namespace

const char* oracle_rule(const Facts& facts) {
  for (const AllowedWhen& row : allowed_when)
    if (row.holds(facts)) return row.rule;
  return nullptr;
}

}  // namespace holdfast::gate
