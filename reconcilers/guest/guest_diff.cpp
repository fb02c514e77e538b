// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/guest_diff.hpp"

#include <algorithm>

#include "reconcilers/guest/guest_operations.hpp"
#include "reconcilers/guest/guest_shape.hpp"

namespace holdfast {
namespace {

// One disk as the spec says it.
struct WantedDisk {
  std::string name{};
  std::string field{};  // "rootDisk", "volumes.db"
  Bytes size{};
  std::string target{};
  bool is_backed_up = true;
};

std::vector<WantedDisk> wanted_disks(const Guest& guest) {
  std::vector<WantedDisk> disks{
      {"root", "rootDisk", guest.spec.root_disk.size, guest.spec.root_disk.target}};
  for (const Volume& volume : guest.spec.volumes)
    disks.push_back(
        {volume.name, "volumes." + volume.name, volume.size, volume.target, is_backed_up(volume)});
  return disks;
}

const WantedDisk* find_wanted(const std::vector<WantedDisk>& disks, const std::string& name) {
  const auto found = std::find_if(disks.begin(), disks.end(),
                                  [&](const WantedDisk& disk) { return disk.name == name; });
  return found == disks.end() ? nullptr : &*found;
}

// As attached, with a size from the file where the provider gives none.
std::optional<host::Disk> attached(const GuestDiff& diff, const std::string& name) {
  const host::Disk* seen = find_disk(diff.observed.configured, name);
  if (seen == nullptr) return std::nullopt;
  host::Disk disk = *seen;
  if (const DiskIdentity* ours = diff.identity.find_disk(name); ours != nullptr)
    disk.target = ours->target;
  if (disk.size.value != 0) return disk;
  if (const auto file = diff.facts.disk_files.find(disk.path); file != diff.facts.disk_files.end())
    disk.size = file->second;
  return disk;
}

void refuse_move(const GuestDiff& diff, const WantedDisk& wanted, const DiskIdentity& ours) {
  diff.refuse(
      gate::Verb::move_disk, wanted.name + " " + wanted.target, wanted.field + ".target",
      "disk " + wanted.name + " lies on target " + ours.target + ", not on " + wanted.target +
          ", and a disk is never moved and its source deleted unasked",
      {"stops guest " + diff.guest.name + " while it copies",
       "copies disk " + wanted.name + " from target " + ours.target + " to target " + wanted.target,
       "removes " + ours.active + " after the copy was verified and is in use"});
}

void refuse_shrink(const GuestDiff& diff, const WantedDisk& wanted, const host::Disk& disk) {
  diff.refuse(
      gate::Verb::shrink_disk, wanted.name + " " + to_string(wanted.size), wanted.field + ".size",
      "disk " + wanted.name + " is " + to_string(disk.size) + " and should be " +
          to_string(wanted.size) + ": cutting its end off would cost what lies there",
      {"stops guest " + diff.guest.name + " while it copies",
       "copies the first " + to_string(wanted.size) + " of disk " + show_disk(disk) +
           " into a new disk, which takes its place; file systems that are larger than that break",
       "keeps the old disk for 7 days, then loses for good all that guest " + diff.guest.name +
           " keeps beyond " + to_string(wanted.size)});
}

void refuse_removal(const GuestDiff& diff, const DiskIdentity& ours) {
  const auto disk = attached(diff, ours.name);
  const std::string shown = disk ? show_disk(*disk) : ours.name + " (" + ours.active + ")";
  diff.refuse(gate::Verb::remove_volume, ours.name, "volumes." + ours.name,
              "volume " + ours.name + " is not wanted any more, and it holds data",
              {"stops guest " + diff.guest.name + " and detaches volume " + shown + " from it",
               "keeps the volume for 7 days, then removes it and all data on it for good"});
}

void add_volume(const GuestDiff& diff, const WantedDisk& wanted) {
  if (const auto bad = diff.facts.bad_targets.find(wanted.target);
      bad != diff.facts.bad_targets.end())
    return diff.block("TargetMissing", "volume " + wanted.name + ": target " + wanted.target +
                                           " cannot be used: " + bad->second);
  AddVolume add;
  add.uuid = diff.identity.uuid;
  const auto path = diff.facts.new_paths.find(wanted.name);
  add.disk = {wanted.name, wanted.target,
              path == diff.facts.new_paths.end() ? std::string{} : path->second, "raw",
              wanted.size};
  add.disk.is_backed_up = wanted.is_backed_up;
  add.is_active = diff.is_active();
  diff.act(std::move(add), {wanted.field}, "volume " + wanted.name + " is wanted and not there");
}

// A disk of ours that somebody detached. Its file is data: attached again, never made anew.
bool reattach(const GuestDiff& diff, const WantedDisk& wanted, const DiskIdentity& ours) {
  const auto file = diff.facts.disk_files.find(ours.active);
  if (file == diff.facts.disk_files.end()) {
    diff.block("DiskMissing", "disk " + ours.name + " is neither attached nor at " + ours.active +
                                  "; it is not made anew, because that would pass an empty disk "
                                  "for the guest's data");
    return false;
  }
  AddVolume add;
  add.uuid = diff.identity.uuid;
  add.disk = {ours.name, ours.target, ours.active, ours.format, file->second};
  add.is_made = true;
  add.is_active = diff.is_active();
  diff.act(std::move(add), {wanted.field}, "disk " + ours.name + " was detached");
  return true;
}

void grow(const GuestDiff& diff, const WantedDisk& wanted, const host::Disk& disk) {
  GrowDisk change;
  change.uuid = diff.identity.uuid;
  change.disk = disk;
  change.size = wanted.size;
  change.is_active = diff.is_active();
  diff.act(std::move(change), {wanted.field + ".size"},
           "disk " + wanted.name + " is " + to_string(disk.size) + " and should be " +
               to_string(wanted.size));
}

}  // namespace

bool GuestDiff::is_active() const { return holdfast::is_active(observed.power); }

void GuestDiff::act(GuestAction action, std::vector<std::string> fields, std::string reason) const {
  PlannedAction planned;
  planned.action = std::move(action);
  planned.field = join(fields, ", ");
  planned.fields = std::move(fields);
  planned.reason = std::move(reason);
  plan.actions.push_back(std::move(planned));
}

void GuestDiff::refuse(gate::Verb verb, std::string object, std::string field, std::string reason,
                       std::vector<std::string> effects) const {
  RefusedChange refused;
  refused.verb = verb;
  refused.uuid = identity.uuid;
  refused.incarnation = identity.incarnation;
  refused.object = std::move(object);
  refused.effects = std::move(effects);
  act(std::move(refused), {std::move(field)}, std::move(reason));
  plan.actions.back().verdict = Verdict::refused;
}

void GuestDiff::block(std::string reason, std::string sentence) const {
  if (!plan.blocked.empty()) return;  // the first is reported; it hides no action
  plan.blocked = std::move(reason);
  plan.blocked_by = std::move(sentence);
}

std::string join(const std::vector<std::string>& words, const std::string& between) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : between) + word;
  return line;
}

std::string show_disk(const host::Disk& disk) {
  return disk.name + " (" + to_string(disk.size) + ", " + disk.path + ")";
}

std::vector<std::string> effects_of_destroying(const GuestIdentity& identity,
                                               const host::ObservedGuest* observed) {
  std::vector<std::string> effects;
  if (observed != nullptr && is_active(observed->power))
    effects.push_back("stops guest " + identity.name + ", which is running");
  effects.emplace_back("detaches it from its networks");
  effects.push_back("renames it to " + tombstone_name(identity));
  std::vector<std::string> disks;
  for (const DiskIdentity& ours : identity.disks) {
    const host::Disk* seen =
        observed == nullptr ? nullptr : find_disk(observed->configured, ours.name);
    disks.push_back(seen != nullptr ? show_disk(*seen) : ours.name + " (" + ours.active + ")");
  }
  effects.push_back("keeps its disks for 7 days, then removes them for good: " + join(disks, ", "));
  return effects;
}

void plan_refusals(const GuestDiff& diff) {
  const ImageRef& wanted_image = diff.guest.spec.image;
  // Nobody knows what an adopted guest was born from.
  if (!diff.identity.image.name.empty() && wanted_image != diff.identity.image)
    diff.refuse(gate::Verb::replace_image, wanted_image.name + "/" + wanted_image.version, "image",
                "it was born from image " + diff.identity.image.name + " " +
                    diff.identity.image.version + " and should be from " + wanted_image.name + " " +
                    wanted_image.version + ": that is a new root disk",
                {"stops guest " + diff.guest.name + " and replaces its root disk by image " +
                     wanted_image.name + " " + wanted_image.version,
                 "keeps the root disk of now for 7 days, then removes it and all data on it for "
                 "good; other volumes stay as they are"});

  const auto wanted = wanted_disks(diff.guest);
  for (const DiskIdentity& ours : diff.identity.disks) {
    const WantedDisk* disk = find_wanted(wanted, ours.name);
    if (disk == nullptr) {
      refuse_removal(diff, ours);
      continue;
    }
    if (!ours.target.empty() && disk->target != ours.target) refuse_move(diff, *disk, ours);
    const auto now = attached(diff, ours.name);
    if (now && disk->size < now->size) refuse_shrink(diff, *disk, *now);
  }
}

bool plan_disks(const GuestDiff& diff) {
  bool are_all_there = true;
  for (const WantedDisk& wanted : wanted_disks(diff.guest)) {
    const DiskIdentity* ours = diff.identity.find_disk(wanted.name);
    const auto now = attached(diff, wanted.name);
    if (ours == nullptr) {
      if (now)
        diff.block("ForeignDisk", "a disk named " + wanted.name +
                                      " is attached that Holdfast did not make: " + now->path);
      else
        add_volume(diff, wanted);
    } else if (!now) {
      are_all_there = reattach(diff, wanted, *ours) && are_all_there;
    } else if (now->size < wanted.size && ours->target.empty()) {
      diff.block("DiskNotOnTarget", "disk " + wanted.name + " was adopted at " + now->path +
                                        ", which lies on no storage target, so it is not grown "
                                        "here; grow it by hand, or let desired state say " +
                                        to_string(now->size));
    } else if (now->size < wanted.size) {
      grow(diff, wanted, *now);
    }
  }
  return are_all_there;
}

bool plan_stop(const GuestDiff& diff) {
  if (diff.guest.spec.power != Power::stopped) {
    diff.plan.is_waiting = diff.observed.power == host::PowerState::stopping;
    return diff.plan.is_waiting;
  }
  if (!diff.is_active()) return false;
  diff.act(ChangePower{diff.identity.uuid, PowerChange::stop, diff.guest.spec.stop_timeout},
           {"power"},
           "it is " + std::string{to_string(diff.observed.power)} + " and should be Stopped");
  return true;
}

void plan_start(const GuestDiff& diff) {
  const Power wanted = diff.guest.spec.power;
  if (wanted == Power::stopped) return;
  const std::string differs = "it is " + std::string{to_string(diff.observed.power)} +
                              " and should be " + std::string{to_string(wanted)};
  const auto change = [&](PowerChange what) {
    diff.act(ChangePower{diff.identity.uuid, what, {}}, {"power"}, differs);
  };
  switch (diff.observed.power) {
    case host::PowerState::stopped:
    case host::PowerState::crashed:
      change(PowerChange::start);
      if (wanted == Power::suspended) change(PowerChange::suspend);
      return;
    case host::PowerState::running:
      if (wanted == Power::suspended) change(PowerChange::suspend);
      return;
    case host::PowerState::suspended:
      if (wanted == Power::running) change(PowerChange::resume);
      return;
    case host::PowerState::stopping:
    case host::PowerState::unknown: return;  // nothing is planned then
  }
}

}  // namespace holdfast
