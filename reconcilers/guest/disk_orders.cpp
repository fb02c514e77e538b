// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/disk_orders.hpp"

#include <algorithm>
#include <utility>

#include "reconcilers/guest/guest_diff.hpp"
#include "reconcilers/guest/guest_jobs.hpp"
#include "reconcilers/guest/guest_shape.hpp"

namespace holdfast {
namespace {

SwapAnswer no(std::string_view code, std::string sentence) {
  return OrderRefusal{std::string{code}, std::move(sentence)};
}

// "root 8Gi" -> "root", "8Gi"
std::pair<std::string, std::string> split(const std::string& object, char at) {
  const auto place = object.find(at);
  if (place == std::string::npos) return {object, ""};
  return {object.substr(0, place), object.substr(place + 1)};
}

// What every swap begins with, or why the disk cannot be swapped.
Result<SwapAnswer> begin_with(const DiskOrder& order, const std::string& name) {
  const gate::Verb verb = order.authority.verb();
  const bool is_exchange = verb != gate::Verb::remove_volume && verb != gate::Verb::move_disk;
  if (is_exchange && order.world.host.contained != nullptr)
    return no(job_code::not_supported, "disks of a guest of " + order.world.provider +
                                           " live inside of it: Holdfast can move them and take "
                                           "them out of use, not exchange them");
  const DiskIdentity* ours = order.identity.find_disk(name);
  const host::Disk* seen = find_disk(order.observed.configured, name);
  if (ours == nullptr || seen == nullptr)
    return no(job_code::no_disk, "the guest has no disk " + name + " of Holdfast's");
  if (seen->path != ours->active || seen->format != ours->format)
    return no(job_code::no_disk, "disk " + name + " lies at " + seen->path + " (" + seen->format +
                                     "), which Holdfast did not give it");
  if (!TRY(order.world.host.snapshots.list(order.identity.uuid)).empty())
    return no(job_code::has_snapshots,
              "the guest has snapshots, and they rest upon the files of disk " + name +
                  "; remove them first (holdfast snapshot delete)");
  DiskSwap swap;
  swap.verb = order.authority.verb();
  swap.object = order.authority.object();
  swap.job = order.authority.job_id();
  swap.before = order.identity;
  swap.disk = name;
  swap.source = seen->path;
  swap.was_running = is_active(order.observed.power);
  swap.fingerprint = guest_fingerprint(order.observed);
  if (swap.was_running) swap.effects = {"stops guest " + order.identity.name};
  return SwapAnswer{std::move(swap)};
}

Result<Bytes> size_of(const DiskOrder& order, const host::Disk& disk) {
  if (disk.size.value != 0) return disk.size;
  const auto file = TRY(order.world.host.disks.find(disk.path));
  if (!file) return Error{Errc::not_found, disk.path + " does not exist"};
  return file->size;
}

// The disk as it will be remembered once it is out of use.
Result<DiskIdentity> as_aside(const DiskOrder& order, const std::string& name) {
  DiskIdentity old = *order.identity.find_disk(name);
  if (auto* const contained = order.world.host.contained) {
    old.path = TRY(contained->path_aside(order.identity.uuid, name));
    old.active = old.path;
    old.layers.clear();
  }
  return old;
}

// A copy of `size` on `target` takes the disk's place.
Result<SwapAnswer> with_copy(const DiskOrder& order, DiskSwap swap, const std::string& target,
                             Bytes size) {
  const auto path = free_path(order.world, order.identity, target, swap.disk);
  if (!path) return no(job_code::no_target, path.error().message());
  const DiskIdentity old = TRY(as_aside(order, swap.disk));
  swap.made = host::Disk{swap.disk, target, *path, "raw", size};
  swap.after =
      with_aside(order.identity, old, DiskIdentity{swap.disk, target, *path, *path, "raw", {}},
                 swap.verb, swap.job);
  return SwapAnswer{std::move(swap)};
}

}  // namespace

Result<SwapAnswer> judge_shrink(const DiskOrder& order) {
  const auto [name, text] = split(order.authority.object(), ' ');
  auto answer = TRY(begin_with(order, name));
  auto* swap = std::get_if<DiskSwap>(&answer);
  if (swap == nullptr) return answer;
  const auto size = parse_bytes(text);
  if (!size || size->value == 0)
    return no(job_code::bad_order,
              "'" + order.authority.object() + "' does not say to which size, as in 'root 8Gi'");
  const Bytes now = TRY(size_of(order, *find_disk(order.observed.configured, name)));
  if (*size >= now)
    return no(job_code::bad_order, "disk " + name + " is " + to_string(now) +
                                       " and cannot be shrunk to " + to_string(*size));
  swap->effects.push_back("copies the first " + to_string(*size) + " of disk " + name +
                          " into a new disk and sets the old one aside for 7 days");
  const std::string target = order.identity.find_disk(name)->target;
  return with_copy(order, std::move(*swap), target, *size);
}

Result<SwapAnswer> judge_move(const DiskOrder& order) {
  const auto [name, target] = split(order.authority.object(), ' ');
  auto answer = TRY(begin_with(order, name));
  auto* swap = std::get_if<DiskSwap>(&answer);
  if (swap == nullptr) return answer;
  if (target.empty() || target == order.identity.find_disk(name)->target)
    return no(job_code::bad_order, "'" + order.authority.object() +
                                       "' does not say to which other target, as in 'root nvme'");
  const Bytes size = TRY(size_of(order, *find_disk(order.observed.configured, name)));
  const bool is_kept = order.world.host.contained != nullptr;
  swap->effects.push_back("copies disk " + name + " to target " + target +
                          (is_kept ? " and sets the source aside for 7 days"
                                   : " and removes the source once the copy is in use"));
  return with_copy(order, std::move(*swap), target, size);
}

Result<SwapAnswer> judge_removal(const DiskOrder& order) {
  const std::string name = order.authority.object();
  if (name == "root") return no(job_code::bad_order, "a guest's root disk cannot be taken away");
  auto answer = TRY(begin_with(order, name));
  if (auto* swap = std::get_if<DiskSwap>(&answer)) {
    swap->after =
        with_aside(order.identity, TRY(as_aside(order, name)), std::nullopt, swap->verb, swap->job);
    swap->effects.push_back("detaches volume " + name + " and sets it aside for 7 days");
  }
  return answer;
}

Result<SwapAnswer> judge_reimage(const DiskOrder& order) {
  const GuestWorld& world = order.world;
  const auto desired = world.desired.find(order.identity.name);
  const auto [name, version] = split(order.authority.object(), '/');
  const ImageRef image{name, version};
  if (!desired || !desired->is_wanted || !desired->guest || desired->guest->spec.image != image)
    return no(job_code::not_desired,
              "desired state does not want the guest to be of image " + order.authority.object());
  const Guest& guest = *desired->guest;
  auto answer = TRY(begin_with(order, "root"));
  auto* swap = std::get_if<DiskSwap>(&answer);
  if (swap == nullptr) return answer;
  const auto stored = TRY(world.host.images.find(image).context("look for the image"));
  if (!stored)
    return no(job_code::image_missing, "image " + order.authority.object() +
                                           " is not on this host; 'holdfast image import' "
                                           "brings it");
  const auto& disks = stored->image.disks;
  const auto root = std::find_if(disks.begin(), disks.end(),
                                 [](const ImageDisk& disk) { return disk.name == "root"; });
  if (root == disks.end() || root->virtual_size > guest.spec.root_disk.size)
    return no(job_code::disk_too_small,
              "the image's root disk does not fit into " + to_string(guest.spec.root_disk.size));
  swap->image = image;
  swap->image_size = root->virtual_size;
  swap->effects.push_back("replaces the root disk by image " + order.authority.object() +
                          " and sets the old one aside for 7 days");
  answer = TRY(
      with_copy(order, std::move(*swap), guest.spec.root_disk.target, guest.spec.root_disk.size));
  swap = std::get_if<DiskSwap>(&answer);
  if (swap == nullptr) return answer;
  GuestIdentity& after = swap->after;
  ++after.incarnation.value;
  after.image = image;
  after.first_boot = stored->image.first_boot;
  after.kernel.clear();
  after.initrd.clear();
  after.cmdline.clear();
  after.deferred.clear();
  if (const auto& boot = stored->image.boot) {
    after.kernel = stored->directory + "/" + boot->kernel;
    if (boot->initrd) after.initrd = stored->directory + "/" + *boot->initrd;
    after.cmdline = boot->cmdline;
  }
  swap->seed = seed_of(guest, after);
  after = with_seed(std::move(after), swap->seed);
  return answer;
}

}  // namespace holdfast
