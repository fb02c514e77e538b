// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "gate/codes.hpp"
#include "gate/gate.hpp"

// Tables of reasons to say no, each read from the top: the first that stands is the
// answer. A row may rely on the rows above it not standing.
namespace holdfast::gate {
namespace {

constexpr Duration keep_for = std::chrono::hours{7 * 24};  // tombstones, and copies by policy
constexpr unsigned newer_verified_floor = 3;

struct Bar {
  std::string_view code{};
  bool (*stands)(const Facts&) = nullptr;
  std::string_view sentence{};
};

template <std::size_t n>
const Bar* first_standing(const std::array<Bar, n>& bars, const Facts& facts) {
  for (const Bar& bar : bars)
    if (bar.stands(facts)) return &bar;
  return nullptr;
}

// The guest is not what is spoken of, so there is no identity to compare.
bool is_about_a_guest(Verb verb) { return verb != Verb::allow_mass_change; }

// What is signed must say which disk, image, snapshot or desired state is meant.
bool must_name_an_object(Verb verb) {
  switch (verb) {
    case Verb::shrink_disk:
    case Verb::remove_volume:
    case Verb::move_disk:
    case Verb::replace_image:
    case Verb::restore_over:
    case Verb::roll_back_snapshot:
    case Verb::remove_snapshot:
    case Verb::allow_mass_change:
    case Verb::adopt_guest:
    case Verb::free_set_aside: return true;
    case Verb::destroy_guest:
    case Verb::undelete_guest:
    case Verb::free_tombstone:
    case Verb::remove_unfinished:
    case Verb::remove_scratch: return false;
  }
  return true;
}

// Removal goes domain first and disks last, so the second half finds no domain; the
// journal's row is then what says whose the disks are.
bool may_find_no_object(Verb verb) {
  return verb == Verb::remove_unfinished || verb == Verb::remove_scratch ||
         verb == Verb::free_tombstone;
}

// All of a guest's data goes at once. Freeing was counted when the guest was destroyed.
bool counts_against_budget(Verb verb) {
  return verb == Verb::destroy_guest || verb == Verb::replace_image || verb == Verb::restore_over;
}

const Bar unnamed{code::object_unnamed, nullptr,
                  "the request does not say which disk, image, snapshot or desired state it means; "
                  "this is a fault of the program, not of what was asked for"};

constexpr std::array<Bar, 9> identity{{
    {code::unread, [](const Facts& f) { return f.marker == MarkerState::unread; },
     "the provider could not be asked whose this is, and unknown is never absent; it is tried "
     "again when the provider answers"},
    {code::marker_differs, [](const Facts& f) { return f.marker == MarkerState::differs; },
     "the marker in it names another guest, incarnation or installation; it is left alone, and "
     "no signature changes that"},
    {code::foreign, [](const Facts& f) { return f.marker == MarkerState::missing; },
     "it carries no marker: somebody else made it. It is never touched, and no signature changes "
     "that; adopt it first (guest.adopt)"},
    {code::no_object,
     [](const Facts& f) {
       return f.marker == MarkerState::no_object && !may_find_no_object(f.verb);
     },
     "the provider says that there is no such guest; nothing is done to one that is not there"},
    {code::not_ours,
     [](const Facts& f) {
       return !f.provenance || f.uuid.is_nil() || f.provenance->uuid != f.uuid;
     },
     "the journal does not know how it came to be; 'holdfast recover' rebuilds that from markers "
     "after a journal was lost"},
    {code::foreign, [](const Facts& f) { return f.provenance->origin == Origin::foreign; },
     "the journal says that somebody else made it. It is never touched, and no signature changes "
     "that; adopt it first (guest.adopt)"},
    {code::wrong_incarnation,
     [](const Facts& f) { return f.provenance->incarnation != f.incarnation; },
     "its data was replaced since this was asked for: the journal has another incarnation; look "
     "again and ask anew"},
    {code::gone, [](const Facts& f) { return f.provenance->life == Life::gone; },
     "the journal says that it was removed before; whatever stands in its place is not it"},
    {code::is_tombstone,
     [](const Facts& f) {
       return f.provenance->life == Life::tombstone && f.verb != Verb::free_tombstone &&
              f.verb != Verb::undelete_guest;
     },
     "it was destroyed already and is kept only to be undeleted; until it is, nothing but freeing "
     "it may happen to it"},
}};

// To adopt is to take what is certainly somebody else's: the same questions, other answers.
constexpr std::array<Bar, 5> against_adoption{{
    {code::unread, identity[0].stands, identity[0].sentence},
    {code::marker_differs, identity[1].stands, identity[1].sentence},
    {code::no_object, [](const Facts& f) { return f.marker == MarkerState::no_object; },
     "the provider says that there is no such guest; nothing can be adopted"},
    {code::gone, [](const Facts& f) { return f.provenance && f.provenance->life == Life::gone; },
     "the journal says that it was removed before; whatever stands in its place is not it"},
    {code::already_ours,
     [](const Facts& f) {
       return f.marker == MarkerState::matches || f.uuid.is_nil() ||
              (f.provenance &&
               (f.provenance->origin != Origin::foreign || f.provenance->uuid != f.uuid));
     },
     "Holdfast made it or has adopted it before, as its marker or the journal says"},
}};

constexpr std::array<Bar, 2> against_own_rollback{{
    {code::not_this_operation,
     [](const Facts& f) {
       const Origin origin = f.provenance->origin;
       return (origin != Origin::created && origin != Origin::scratch) || f.operation.value <= 0 ||
              f.provenance->created_by != f.operation;
     },
     "undoing removes only what the same operation created, and another one created this"},
    {code::not_unfinished,
     [](const Facts& f) {
       return f.provenance->life != Life::provisioning || f.provenance->data_bearing;
     },
     "it was finished and may hold data since; to remove it, have its destruction signed"},
}};

constexpr std::array<Bar, 2> against_own_scratch{{
    {code::not_scratch, [](const Facts& f) { return f.provenance->origin != Origin::scratch; },
     "the journal does not say that it is scratch of this host's own; to remove it, have its "
     "destruction signed"},
    {code::scratch_holds_data, [](const Facts& f) { return f.provenance->data_bearing; },
     "the journal calls it scratch and data-bearing at once; while it does, only a signed "
     "destruction removes it"},
}};

// Neither policy nor an operator removes these.
constexpr std::array<Bar, 2> against_removing_a_copy{{
    {code::not_our_copy, [](const Facts& f) { return !f.copies.is_ours; },
     "this copy was made by somebody else; Holdfast removes only what it made"},
    {code::last_tested, [](const Facts& f) { return f.copies.is_last_tested; },
     "it is the last copy whose restore was tested; it goes when a newer one was tested"},
}};

constexpr std::array<Bar, 2> against_pruning{{
    {code::too_young, [](const Facts& f) { return f.copies.age < keep_for; },
     "it is younger than 7 days; policy removes it later"},
    {code::too_few_newer,
     [](const Facts& f) { return f.copies.newer_verified < newer_verified_floor; },
     "fewer than 3 newer verified copies would stay; it goes when there are 3"},
}};

constexpr std::array<Bar, 4> against_unsigned_rollback{{
    {code::needs_signature, [](const Facts& f) { return f.requester != Requester::guest; },
     "rolling back loses what was written since; only the guest itself may ask for it without "
     "an operator's signature"},
    {code::other_incarnations_snapshot,
     [](const Facts& f) { return !f.copies.made_by_this_incarnation; },
     "the snapshot was not made by the guest as it is now; rolling back to it needs an "
     "operator's signature"},
    {code::no_safety_copy, [](const Facts& f) { return !f.copies.has_safety_copy; },
     "what would be lost was not copied first; with a safety snapshot, or an operator's "
     "signature, it may be rolled back"},
    {code::newer_would_be_lost, [](const Facts& f) { return f.copies.newer != 0; },
     "newer snapshots would be lost with it; that needs an operator's signature"},
}};

// `>=` so that a job is over at the very moment it names.
constexpr std::array<Bar, 6> against_the_order{{
    {code::signed_other_verb, [](const Facts& f) { return f.authority->verb() != f.verb; },
     "the signed job orders something else"},
    {code::signed_other_guest, [](const Facts& f) { return f.authority->uuid() != f.uuid; },
     "the signed job names another guest"},
    {code::signed_other_incarnation,
     [](const Facts& f) { return f.authority->incarnation() != f.incarnation; },
     "the signed job names another incarnation of this guest: its data was replaced since"},
    {code::signed_other_object, [](const Facts& f) { return f.authority->object() != f.object; },
     "the signed job names another disk, image, snapshot or desired state"},
    {code::expired, [](const Facts& f) { return f.now >= f.authority->expires(); },
     "the signed job has expired"},
    {code::stale_fingerprint,
     [](const Facts& f) {
       return !f.authority->fingerprint().empty() && f.authority->fingerprint() != f.fingerprint;
     },
     "the guest has changed since the job was signed"},
}};

const Bar only_signed{code::needs_signature, nullptr,
                      "it would destroy or overwrite customer data; that takes an operator's "
                      "signature"};
const Bar not_by_policy{code::not_by_policy, nullptr,
                        "snapshots and backups are removed by their retention policy, or with an "
                        "operator's signature"};
const Bar aside_young{
    code::set_aside_young, nullptr,
    "it is kept for 7 days after it was set aside, so that what a signed job "
    "replaced can be had back; days that this host did not see pass do not count, "
    "whatever its clock says; freeing it earlier needs an operator's signature"};
const Bar young{code::tombstone_young, nullptr,
                "it is kept for 7 days after it was destroyed, so that it can be undeleted; "
                "days that this host did not see pass do not count, whatever its clock says; "
                "freeing it earlier needs an operator's signature"};

Decision allow(std::string_view code, std::string_view sentence) {
  return {.allowed = true, .code = code, .sentence = std::string{sentence}};
}
Decision refuse_for_good(const Bar& bar) {
  return {.allowed = false, .code = bar.code, .sentence = std::string{bar.sentence}};
}
Decision refuse_unsigned(const Bar& bar) {
  return {.allowed = false,
          .code = bar.code,
          .sentence = std::string{bar.sentence} + "; sign the ticket to allow it",
          .signature_helps = true};
}

Decision judge_budget(const Facts& f) {
  const std::size_t allowance = std::size_t{daily_budget(f.budget.guests)};
  const std::size_t limit = allowance + f.authority->extra_budget();
  if (!counts_against_budget(f.verb) || f.budget.destroyed_today < limit)
    return allow(code::signed_order, "an operator signed for exactly this");
  return {.allowed = false,
          .code = code::budget_spent,
          .sentence = std::to_string(f.budget.destroyed_today) + " of " +
                      std::to_string(f.budget.guests) +
                      " guests were destroyed in the last 24 hours, and " + std::to_string(limit) +
                      " may be; it is done when a day has passed, or with a signature that "
                      "raises the budget: sign the ticket to allow it now",
          .signature_helps = true};
}

// What only a signature allows; `unsigned_bar` is the answer while there is none.
Decision judge_order(const Facts& f, const Bar& unsigned_bar) {
  if (!f.authority) return refuse_unsigned(unsigned_bar);
  if (const Bar* bar = first_standing(against_the_order, f)) return refuse_unsigned(*bar);
  return judge_budget(f);
}

// By time that somebody saw pass, never by the wall clock: that one jumps ahead when its battery
// is dead, and as far as whoever answers for the time server likes.
bool was_kept_since(const Facts& f, Duration witnessed) {
  return f.witnessed - witnessed >= keep_for;
}

Decision judge_tombstone(const Facts& f) {
  const Provenance& row = *f.provenance;
  if (row.life != Life::tombstone)
    return {.allowed = false,
            .code = code::not_tombstone,
            .sentence =
                "it was not destroyed, so there is nothing to free; have its destruction "
                "signed first"};
  // Only a signed destruction makes a tombstone; that signature covers the freeing too.
  if (row.tombstoned_at && was_kept_since(f, row.tombstoned_witnessed))
    return allow(code::tombstone_kept, "it was destroyed on a signature and kept for 7 days");
  return judge_order(f, young);
}

Decision judge_undeletion(const Facts& f) {
  if (f.provenance->life != Life::tombstone)
    return {.allowed = false,
            .code = code::not_tombstone,
            .sentence = "it was not destroyed, so there is nothing to bring back"};
  return judge_order(f, only_signed);
}

Decision judge_set_aside(const Facts& f) {
  if (f.set_aside.made_by_this_operation)
    return allow(code::own_rollback, "the operation removes a file that it made and never used");
  if (!f.set_aside.since)
    return {.allowed = false,
            .code = code::not_set_aside,
            .sentence = "the journal does not say that a signed job took it out of use"};
  if (was_kept_since(f, f.set_aside.witnessed))
    return allow(code::set_aside_kept, "a signed job took it out of use and it was kept 7 days");
  return judge_order(f, aside_young);
}

Decision judge_own_rollback(const Facts& f) {
  if (const Bar* bar = first_standing(against_own_rollback, f)) return refuse_for_good(*bar);
  return allow(code::own_rollback, "the operation undoes what it created itself");
}

Decision judge_own_scratch(const Facts& f) {
  if (const Bar* bar = first_standing(against_own_scratch, f)) return refuse_for_good(*bar);
  return allow(code::own_scratch, "the journal says that it is scratch of this host's own");
}

Decision judge_removal_of_a_copy(const Facts& f) {
  if (const Bar* bar = first_standing(against_removing_a_copy, f)) return refuse_for_good(*bar);
  if (f.requester != Requester::policy) return judge_order(f, not_by_policy);
  if (const Bar* bar = first_standing(against_pruning, f)) return refuse_for_good(*bar);
  return allow(code::by_policy, "policy removes it, and enough newer copies stay");
}

Decision judge_rollback(const Facts& f) {
  if (const Bar* bar = first_standing(against_unsigned_rollback, f)) return judge_order(f, *bar);
  return allow(code::own_snapshot, "the guest goes back to its own snapshot, and loses nothing");
}

// What stands against any order about this object, whatever else is true.
const Bar* identity_bar(const Facts& f) {
  if (must_name_an_object(f.verb) && f.object.empty()) return &unnamed;
  if (f.verb == Verb::adopt_guest) return first_standing(against_adoption, f);
  return is_about_a_guest(f.verb) ? first_standing(identity, f) : nullptr;
}

}  // namespace

Decision decide(const Facts& f) {
  if (const Bar* bar = identity_bar(f)) return refuse_for_good(*bar);
  switch (f.verb) {
    case Verb::remove_unfinished: return judge_own_rollback(f);
    case Verb::remove_scratch: return judge_own_scratch(f);
    case Verb::remove_snapshot: return judge_removal_of_a_copy(f);
    case Verb::roll_back_snapshot: return judge_rollback(f);
    case Verb::free_tombstone: return judge_tombstone(f);
    case Verb::undelete_guest: return judge_undeletion(f);
    case Verb::free_set_aside: return judge_set_aside(f);
    case Verb::destroy_guest:
    case Verb::shrink_disk:
    case Verb::remove_volume:
    case Verb::move_disk:
    case Verb::replace_image:
    case Verb::restore_over:
    case Verb::adopt_guest:
    case Verb::allow_mass_change: return judge_order(f, only_signed);
  }
  return refuse_for_good(unnamed);
}

std::string_view job_action(Verb verb) {
  switch (verb) {
    case Verb::destroy_guest:
    case Verb::free_tombstone: return "guest.destroy";
    case Verb::shrink_disk:
    case Verb::remove_volume:
    case Verb::move_disk:
    case Verb::free_set_aside: return "guest.shrink";
    case Verb::replace_image: return "guest.reimage";
    case Verb::restore_over: return "guest.restore-over";
    case Verb::roll_back_snapshot:
    case Verb::remove_snapshot: return "guest.rollback";
    case Verb::undelete_guest: return "guest.undelete";
    case Verb::adopt_guest: return "guest.adopt";
    case Verb::allow_mass_change: return "mass-change.allow";
    case Verb::remove_unfinished:
    case Verb::remove_scratch: return {};
  }
  return {};
}

}  // namespace holdfast::gate
