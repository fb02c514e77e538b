// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_plan.hpp"

#include <algorithm>

#include "base/sha256.hpp"
#include "reconcilers/guest/guest_conditions.hpp"
#include "reconcilers/guest/guest_diff.hpp"
#include "reconcilers/guest/guest_json.hpp"
#include "reconcilers/guest/guest_shape.hpp"
#include "reconcilers/guest/json_fields.hpp"

namespace holdfast {
namespace {

void block(GuestPlan& plan, std::string reason, std::string sentence) {
  plan.blocked = std::move(reason);
  plan.blocked_by = std::move(sentence);
}

void act(GuestPlan& plan, GuestAction action, std::string reason, Verdict verdict = Verdict::free) {
  PlannedAction planned;
  planned.action = std::move(action);
  planned.fields = {"guest"};
  planned.field = "guest";
  planned.reason = std::move(reason);
  planned.verdict = verdict;
  plan.actions.push_back(std::move(planned));
}

// The tombstone whose destruction says that this very spec is not to be made again.
const Tombstone* holding_tombstone(const GuestFacts& facts) {
  if (facts.tombstones.empty()) return nullptr;
  const std::string wanted = applied_digest(facts.desired);
  const auto found =
      std::find_if(facts.tombstones.begin(), facts.tombstones.end(),
                   [&](const Tombstone& stone) { return stone.identity.destroyed_spec == wanted; });
  return found == facts.tombstones.end() ? nullptr : &*found;
}

// Whether each disk that the image brings fits into the one it is restored to.
std::optional<std::string> image_misfit(const Guest& guest, const Image& image) {
  for (const ImageDisk& disk : image.disks) {
    std::optional<Bytes> room;
    if (disk.name == "root") room = guest.spec.root_disk.size;
    for (const Volume& volume : guest.spec.volumes)
      if (volume.name == disk.name) room = volume.size;
    if (room && *room < disk.virtual_size)
      return "disk " + disk.name + " of the image is " + to_string(disk.virtual_size) +
             " and does not fit into " + to_string(*room);
  }
  return std::nullopt;
}

void block_unsupported(const GuestFacts& facts, GuestPlan& plan) {
  block(plan, "NotSupported", facts.unsupported + "; take it out of the spec");
}

void plan_birth(const GuestFacts& facts, const Guest& guest, GuestPlan& plan) {
  if (facts.name_taken && facts.name_taken->is_marked)
    return block(plan, "NeedsRecovery",
                 "guest " + to_string(facts.name_taken->uuid) +
                     " of that name carries a Holdfast marker that the journal does not know; "
                     "'holdfast recover' rebuilds what the journal knew");
  if (facts.name_taken)
    return block(plan, "NameTaken",
                 "a guest of that name exists that Holdfast did not make (" +
                     to_string(facts.name_taken->uuid) +
                     "); it is never touched, unless an operator has it adopted: 'holdfast job "
                     "new guest.adopt --guest " +
                     guest.name + "'");
  if (const Tombstone* stone = holding_tombstone(facts))
    return block(plan, "Destroyed",
                 "it was destroyed on a signature (" + tombstone_name(stone->identity) +
                     ") and desired state has not changed since; 'holdfast undelete' brings it "
                     "back, and any change of its spec makes a new one");
  if (facts.destroyed && facts.destroyed->spec == applied_digest(facts.desired))
    return block(plan, "Destroyed",
                 "it was destroyed by signed job " + facts.destroyed->job +
                     ", its disks are gone, and desired state has not changed since; a new, empty "
                     "one is made when its spec changes, or when desired state stops naming it and "
                     "names it again");
  if (!facts.unsupported.empty()) return block_unsupported(facts, plan);
  if (!facts.image)
    return block(plan, "ImageMissing",
                 "image " + guest.spec.image.name + " " + guest.spec.image.version +
                     " is not on this host; 'holdfast image import' brings it");
  if (const auto misfit = image_misfit(guest, facts.image->image))
    return block(plan, "DiskTooSmall", *misfit);
  if (!facts.bad_targets.empty()) {
    const auto& [target, why] = *facts.bad_targets.begin();
    return block(plan, "TargetMissing", "target " + target + " cannot be used: " + why);
  }
  act(plan, CreateGuest{guest, *facts.image}, "it is wanted and does not exist");
}

// The provider forgot a guest whose disks may be all there is of it.
void plan_return(const GuestFacts& facts, const Guest& guest, GuestPlan& plan) {
  if (facts.provenance->origin == Origin::adopted)
    return block(plan, "DefinitionMissing",
                 "its definition is gone at the provider; it was adopted, and only who made it "
                 "knows what the rest of it said. Its disks are where they were");
  const GuestIdentity identity = with_macs(*facts.identity, facts.new_macs);
  for (const DiskIdentity& disk : identity.disks)
    if (facts.disk_files.count(disk.active) == 0)
      return block(plan, "DiskMissing",
                   "its definition is gone at the provider and so is disk " + disk.name + " (" +
                       disk.active +
                       "); it is not made anew, because that would pass an empty "
                       "guest for the one that had data");
  RedefineGuest again;
  again.seed = seed_of(guest, identity);
  again.identity = with_seed(identity, again.seed);
  again.definition = definition_of(guest, identity, wanted_nics(guest, identity, {}),
                                   attached_disks(identity, nullptr, facts.disk_files));
  again.definition.marker = make_marker(again.identity, facts.host_id, "", "");
  act(plan, std::move(again),
      "its definition is gone at the provider, and all its disks are there");
}

void plan_unwanted(const GuestFacts& facts, GuestPlan& plan) {
  RefusedChange refused;
  refused.verb = gate::Verb::destroy_guest;
  refused.uuid = facts.identity->uuid;
  refused.incarnation = facts.identity->incarnation;
  refused.effects = effects_of_destroying(*facts.identity, facts.observed.get());
  act(plan, std::move(refused),
      facts.observed
          ? "desired state does not name it any more, and it holds data; it is left exactly as it "
            "is"
          : "desired state does not name it any more, and somebody removed its definition at the "
            "provider; its disks are left where they are: named again it is defined anew over "
            "them, and then its destruction can be signed",
      Verdict::refused);
}

void plan_changes(const GuestDiff& diff) {
  plan_refusals(diff);
  if (plan_stop(diff)) return;
  if (diff.observed.name != diff.identity.name) {
    if (diff.is_active())
      diff.plan.pending.push_back("name: the provider calls it " + diff.observed.name +
                                  "; renamed at its next stop");
    else
      diff.act(RenameGuest{diff.identity.uuid, diff.observed.name, diff.identity.name}, {"name"},
               "the provider calls it " + diff.observed.name);
  }
  const bool are_disks_there = plan_disks(diff);
  plan_configuration(diff);
  if (are_disks_there) plan_start(diff);
  for (const SetAside& aside : diff.identity.aside)
    if (left_to_keep(set_aside_at(aside), diff.facts.now) <= Duration::zero())
      diff.act(FreeSetAside{diff.identity, aside.disk.path}, {"guest"},
               "a signed job took it out of use, and its 7 days are over");
}

// False: it is not certain that this is ours, or how it is; nothing may be done to it.
bool may_touch(const GuestFacts& facts, GuestPlan& plan) {
  switch (marker_state(facts.observed, *facts.identity, facts.host_id)) {
    case gate::MarkerState::missing:
      block(plan, "MarkerDiffers",
            "guest " + to_string(facts.identity->uuid) +
                " lost its Holdfast marker; it is left alone until the marker is back");
      return false;
    case gate::MarkerState::differs:
      block(plan, "MarkerDiffers",
            "the marker of guest " + to_string(facts.identity->uuid) +
                " names another guest, incarnation or installation; it is left alone");
      return false;
    case gate::MarkerState::no_object:
    case gate::MarkerState::unread:
    case gate::MarkerState::matches: break;
  }
  if (facts.observed && is_tombstone(*facts.observed->marker)) {
    block(plan, "NeedsRecovery",
          "guest " + to_string(facts.identity->uuid) +
              " says that it was destroyed on a signature and the journal does not know: the "
              "journal is an older copy; 'holdfast recover' brings it up to date");
    return false;
  }
  if (facts.observed && !facts.observed->problem.empty()) {
    block(plan, "Unreadable", "the provider reports it in part only: " + facts.observed->problem);
    return false;
  }
  if (facts.observed && !facts.observed->lock.empty()) {
    block(plan, "LockedByOther",
          "the provider says that it is locked (" + facts.observed->lock +
              "): somebody else is at work on it, or died while being so; Holdfast never takes "
              "such a lock away");
    plan.is_waiting = true;
    return false;
  }
  if (facts.observed && facts.observed->power == host::PowerState::unknown) {
    block(plan, "PowerUnknown", "the provider cannot tell whether it runs");
    return false;
  }
  return true;
}

void plan_existing(const GuestFacts& facts, GuestPlan& plan) {
  if (!may_touch(facts, plan)) return;
  if (facts.provenance->life == Life::provisioning)
    return block(plan, "Unfinished", "its creation has not ended; see the journal");
  if (!facts.desired.is_wanted) return plan_unwanted(facts, plan);
  if (!facts.desired.guest)
    return block(plan, "Rejected", "nothing acceptable was ever said of it; it is left as it is");
  const Guest& guest = *facts.desired.guest;
  if (guest.spec.provider != facts.provider)
    return block(plan, "ProviderChanged",
                 "it lives on provider " + facts.provider + " and cannot move to " +
                     guest.spec.provider + "; it is left as it is");
  if (!facts.unsupported.empty()) return block_unsupported(facts, plan);
  if (!facts.observed) return plan_return(facts, guest, plan);
  plan.moved = moved_identity(*facts.identity, *facts.observed);
  plan_changes({facts, guest, *facts.identity, *facts.observed, plan});
}

void plan_absent(const GuestFacts& facts, GuestPlan& plan) {
  if (!facts.desired.is_wanted) return;
  if (!facts.desired.guest)
    return block(plan, "Rejected", "nothing acceptable was ever said of it");
  const Guest& guest = *facts.desired.guest;
  if (guest.spec.provider != facts.provider)
    return block(plan, "ProviderMissing", "this host has no provider " + guest.spec.provider);
  plan_birth(facts, guest, plan);
}

void plan_tombstones(const GuestFacts& facts, GuestPlan& plan) {
  for (const Tombstone& stone : facts.tombstones) {
    const auto since = destroyed_at(stone.provenance);
    if (!since || left_to_keep(*since, facts.now) > Duration::zero()) continue;
    const auto marker = marker_state(stone.observed, stone.identity, facts.host_id);
    if (marker == gate::MarkerState::missing || marker == gate::MarkerState::differs) continue;
    if (stone.observed && !is_tombstone(*stone.observed->marker)) continue;  // it was undeleted
    FreeTombstone free;
    free.identity = stone.identity;
    if (stone.observed)
      free.identity = moved_identity(stone.identity, *stone.observed).value_or(stone.identity);
    act(plan, std::move(free), "it was destroyed on a signature, and its 7 days are over",
        Verdict::needs_permit);
  }
}

}  // namespace

const PlannedAction* GuestPlan::next() const {
  const auto found = std::find_if(actions.begin(), actions.end(), [](const PlannedAction& action) {
    return action.verdict != Verdict::refused;
  });
  return found == actions.end() ? nullptr : &*found;
}

GuestPlan plan_guest(const GuestFacts& facts) {
  GuestPlan plan;
  plan.name = facts.name;
  plan.generation = facts.desired.generation;
  if (!facts.desired.held.empty()) {
    block(plan, "MassChangeHeld", facts.desired.held);
  } else {
    if (facts.provenance && facts.identity)
      plan_existing(facts, plan);
    else
      plan_absent(facts, plan);
    plan_tombstones(facts, plan);
  }
  plan.conditions = conditions_of(facts, plan);
  return plan;
}

std::string describe(const GuestAction& action) {
  struct {
    std::string operator()(const CreateGuest& a) const {
      return "create guest " + a.guest.name + " from image " + a.guest.spec.image.name + " " +
             a.guest.spec.image.version;
    }
    std::string operator()(const RedefineGuest& a) const {
      return "define guest " + a.definition.name + " again";
    }
    std::string operator()(const RenameGuest& a) const {
      return "rename guest " + a.from + " to " + a.to;
    }
    std::string operator()(const GrowDisk& a) const {
      return "grow disk " + a.disk.name + " from " + to_string(a.disk.size) + " to " +
             to_string(a.size);
    }
    std::string operator()(const AddVolume& a) const {
      if (a.is_made) return "attach disk " + a.disk.name + " again";
      return "add volume " + a.disk.name + " of " + to_string(a.disk.size);
    }
    std::string operator()(const ConfigureGuest& a) const {
      return a.live.empty() ? "configure" : "configure, also while it runs";
    }
    std::string operator()(const ChangePower& a) const {
      switch (a.change) {
        case PowerChange::start: return "start";
        case PowerChange::stop: return "stop";
        case PowerChange::suspend: return "suspend";
        case PowerChange::resume: return "resume";
      }
      return "change power";
    }
    std::string operator()(const FreeTombstone& a) const {
      return "remove " + tombstone_name(a.identity) + " and its disks for good";
    }
    std::string operator()(const FreeSetAside& a) const {
      return "remove " + a.path + ", which was set aside, for good";
    }
    std::string operator()(const RefusedChange& a) const {
      std::string verb{gate::to_string(a.verb)};
      std::replace(verb.begin(), verb.end(), '_', ' ');
      return a.object.empty() ? verb : verb + " " + a.object;
    }
  } const visitor;
  return std::visit(visitor, action);
}

std::string guest_fingerprint(const host::ObservedGuest& guest) {
  nlohmann::json seen{
      {"uuid", to_string(guest.uuid)}, {"name", guest.name}, {"shape", json_of(guest.configured)}};
  if (guest.marker) seen["incarnation"] = guest.marker->incarnation.value;
  return digest_of(dump(seen));
}

}  // namespace holdfast
