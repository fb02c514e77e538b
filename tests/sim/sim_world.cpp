// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/sim_world.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::sim {
namespace {

using host::PowerState;

// The configuration as the provider shows it: sizes are those of the files.
host::Shape with_file_sizes(host::Shape shape, const std::map<std::string, SimFile>& files) {
  for (host::Disk& disk : shape.disks) {
    const auto file = files.find(disk.path);
    if (file != files.end()) disk.size = file->second.size;
  }
  return shape;
}

const host::Disk* find_disk(const host::Shape& shape, const std::string& name) {
  for (const host::Disk& disk : shape.disks) {
    if (disk.name == name) return &disk;
  }
  return nullptr;
}

bool is_same(const host::ObservedGuest& a, const host::ObservedGuest& b) {
  return a.name == b.name && a.marker == b.marker && a.power == b.power &&
         a.configured == b.configured && a.live == b.live && a.problem == b.problem;
}

std::string name_of(const CustomerMark& mark) {
  return "guest " + mark.guest_name + " disk " + mark.disk;
}

}  // namespace

bool needs_signature(gate::Verb verb) {
  switch (verb) {
    case gate::Verb::destroy_guest:
    case gate::Verb::free_tombstone:
    case gate::Verb::shrink_disk:
    case gate::Verb::remove_volume:
    case gate::Verb::move_disk:
    case gate::Verb::replace_image:
    case gate::Verb::restore_over:
    case gate::Verb::adopt_guest:
    case gate::Verb::allow_mass_change: return true;
    case gate::Verb::remove_unfinished:
    case gate::Verb::remove_scratch:
    case gate::Verb::roll_back_snapshot:
    case gate::Verb::remove_snapshot:
    case gate::Verb::undelete_guest:
    case gate::Verb::free_set_aside: return false;  // what goes is judged by the data it held
  }
  return true;
}

SimWorld::SimWorld() { targets["local"] = SimTarget{"/sim/local"}; }

SimDomain* SimWorld::domain(const Uuid& uuid) {
  const auto found = domains.find(uuid);
  return found == domains.end() ? nullptr : &found->second;
}

const SimDomain* SimWorld::domain(const Uuid& uuid) const {
  const auto found = domains.find(uuid);
  return found == domains.end() ? nullptr : &found->second;
}

const SimDomain* SimWorld::find_by_name(std::string_view name) const {
  for (const auto& [uuid, domain] : domains) {
    if (domain.name == name) return &domain;
  }
  return nullptr;
}

SimDomain* SimWorld::find_by_name(std::string_view name) {
  const SimDomain* found = std::as_const(*this).find_by_name(name);
  return found == nullptr ? nullptr : domain(found->uuid);
}

const Image& SimWorld::add_image(const ImageRef& ref, Bytes size, const std::string& kernel) {
  SimImage made;
  Image& image = made.stored.image;
  image.name = ref.name;
  image.version = ref.version;
  ImageDisk root;
  root.name = "root";
  root.file = "root.raw";
  root.virtual_size = size;
  root.file_size = size;
  root.sha256 = std::string(64, 'a');
  root.file_sha256 = root.sha256;
  image.disks.push_back(root);
  if (!kernel.empty()) {
    image.first_boot = FirstBoot::kernel_cmdline;
    DirectBoot boot;
    boot.kernel = kernel;
    boot.kernel_sha256 = std::string(64, 'b');
    boot.cmdline = "root=/dev/vda";
    image.boot = boot;
  }
  made.stored.directory = "/sim/images/" + ref.name + "/" + ref.version;
  images.push_back(made);
  return images.back().stored.image;
}

SimImage* SimWorld::image(const ImageRef& ref) {
  for (SimImage& candidate : images) {
    const Image& image = candidate.stored.image;
    if (image.name == ref.name && image.version == ref.version) return &candidate;
  }
  return nullptr;
}

std::set<Token> SimWorld::data_on(const std::string& path) const {
  std::set<Token> found;
  std::string next = path;
  while (!next.empty()) {
    const auto file = files.find(next);
    if (file == files.end()) break;
    found.insert(file->second.customer.begin(), file->second.customer.end());
    next = file->second.backing;
  }
  return found;
}

void SimWorld::write_customer_data(const Uuid& guest) {
  const SimDomain* running = domain(guest);
  if (running == nullptr || !running->live) return;
  for (const host::Disk& disk : running->live->disks) {
    const auto file = files.find(disk.path);
    if (file == files.end() || !file->second.customer.empty()) continue;
    const Token token = ++last_token;
    file->second.customer.insert(token);
    marks.push_back({token, guest, running->name, disk.name, file->second.size, false});
    ++version;
  }
}

void SimWorld::write_customer_data_everywhere() {
  for (const auto& [uuid, domain] : domains) {
    if (domain.marker && domain.is_up()) write_customer_data(uuid);
  }
}

void SimWorld::sign(gate::Verb verb, const Uuid& guest, Incarnation incarnation) {
  signed_.push_back({verb, guest, incarnation});
}

bool SimWorld::is_signed(gate::Verb verb, const Uuid& guest, Incarnation incarnation) const {
  return std::any_of(signed_.begin(), signed_.end(), [&](const Signed& order) {
    // A signed destroy is a tombstone first; freeing it later is part of the same order.
    // So is freeing what a signed job took out of use, whatever the incarnation is by then.
    if (verb == gate::Verb::free_set_aside && order.guest == guest)
      return order.verb == gate::Verb::replace_image || order.verb == gate::Verb::shrink_disk ||
             order.verb == gate::Verb::remove_volume || order.verb == gate::Verb::move_disk;
    const bool same_verb = order.verb == verb || (order.verb == gate::Verb::destroy_guest &&
                                                  verb == gate::Verb::free_tombstone);
    return same_verb && order.guest == guest && order.incarnation == incarnation;
  });
}

bool SimWorld::has_any_signature(const Uuid& guest) const {
  return std::any_of(signed_.begin(), signed_.end(),
                     [&](const Signed& order) { return order.guest == guest; });
}

std::vector<std::string> SimWorld::lost_customer_data() const {
  std::vector<std::string> lost;
  std::map<Token, const SimFile*> holders;
  for (const auto& [path, file] : files) {
    for (const Token token : file.customer) {
      const SimFile*& holder = holders[token];  // of copies, the largest
      if (holder == nullptr || holder->size < file.size) holder = &file;
    }
  }
  for (const SimBackup& backup : backups)
    for (const auto& [disk, file] : backup.held)
      for (const Token token : file.customer) {
        const SimFile*& holder = holders[token];
        if (holder == nullptr || holder->size < file.size) holder = &file;
      }
  for (const CustomerMark& mark : marks) {
    const auto holder = holders.find(mark.token);
    if (holder == holders.end()) {
      lost.push_back(name_of(mark) + ": its data is gone from the host");
      continue;
    }
    if (holder->second->size < mark.size) lost.push_back(name_of(mark) + ": cut off");
    const SimDomain* guest = domain(mark.guest);
    if (mark.may_hide || guest == nullptr || has_any_signature(mark.guest)) continue;
    const host::Disk* disk = find_disk(guest->configured, mark.disk);
    if (disk == nullptr) {
      lost.push_back(name_of(mark) + ": taken away from the guest");
    } else if (data_on(disk->path).count(mark.token) == 0) {
      lost.push_back(name_of(mark) + ": replaced by " + disk->path);
    }
  }
  return lost;
}

void SimWorld::touch(SimDomain& domain) {
  domain.may_have_changed = true;
  ++version;
}

void SimWorld::touch_owner(const Uuid& owner) {
  ++version;
  if (SimDomain* found = domain(owner)) found->may_have_changed = true;
}

host::ObservedGuestPtr SimWorld::observed(SimDomain& domain) {
  if (!domain.may_have_changed) return domain.observed;
  domain.may_have_changed = false;
  auto view = std::make_shared<host::ObservedGuest>();
  view->uuid = domain.uuid;
  view->name = domain.name;
  view->marker = domain.marker;
  view->power = domain.power;
  view->configured = with_file_sizes(domain.configured, files);
  view->live = domain.live;
  view->problem = domain.problem;
  if (!domain.observed || !is_same(*domain.observed, *view)) domain.observed = std::move(view);
  return domain.observed;
}

void SimWorld::begin_run(SimDomain& domain) {
  domain.power = PowerState::running;
  domain.live = with_file_sizes(domain.configured, files);
  domain.memory_ceiling = std::max(domain.memory_ceiling, domain.configured.memory);
  domain.stop_due.reset();
  domain.pid = ++last_pid;
  ++domain.boots;
  touch(domain);
}

void SimWorld::end_run(SimDomain& domain, PowerState left_as) {
  domain.power = left_as;
  domain.live.reset();
  domain.stop_due.reset();
  domain.pid = 0;
  touch(domain);
}

std::set<Token> SimWorld::nowhere(std::set<Token> tokens) const {
  for (const auto& [path, file] : files)
    for (const Token token : file.customer) tokens.erase(token);
  return tokens;
}

void SimWorld::forget_marks(const std::set<Token>& tokens) {
  marks.erase(
      std::remove_if(marks.begin(), marks.end(),
                     [&](const CustomerMark& mark) { return tokens.count(mark.token) > 0; }),
      marks.end());
}

}  // namespace holdfast::sim
