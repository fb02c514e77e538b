// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "drivers/proxmox/ports.hpp"
#include "drivers/proxmox/property.hpp"
#include "drivers/proxmox/upid.hpp"

// How guests come and go. A guest's UUID decides in which order VMIDs are tried for it, so that
// asking twice (an answer was lost, the daemon died) meets what the first time made: Proxmox
// lets one of two creations of the same VMID through.
namespace holdfast::proxmox {
namespace {

Result<void> check_target(const Options& options, const std::string& target) {
  if (options.storages.count(target) > 0) return ok();
  return Error{Errc::invalid, "no storage of Proxmox stands for target " + target +
                                  " (proxmox.storages in agent.yaml)"};
}

// Never `start`: the guest is configured first, and starting it has a task of its own. Nothing
// about disks either: the archive's are taken, whole.
Result<Form> restore_form(const Options& options, int vmid, const host::GuestDefinition& definition,
                          const host::StoredImage& image, const Config& archived) {
  const Kind kind = archived.place.kind;
  const std::string& target = definition.shape.disks.front().target;
  TRY(check_target(options, target));
  Form form{{"vmid", std::to_string(vmid)},
            {kind == Kind::lxc ? "ostemplate" : "archive", image.directory},
            {"storage", options.storages.at(target)},
            {kind == Kind::lxc ? "hostname" : "name", definition.name},
            {"description", TRY(with_marker("", {definition.marker, vmid}))},
            {"onboot", "0"}};  // what is off stays off: Holdfast starts what should run
  if (kind == Kind::lxc) form.emplace_back("restore", "1");
  // Said, because Proxmox judges by the request what a token may not do to privileged ones.
  if (archived.get("unprivileged") == "1") form.emplace_back("unprivileged", "1");
  if (kind == Kind::qemu) form.emplace_back("unique", "1");
  if (!options.pool.empty()) form.emplace_back("pool", options.pool);
  form.emplace_back("memory", std::to_string(definition.shape.memory.value / (1024 * 1024)));
  form.emplace_back("cores", std::to_string(definition.shape.cpus));
  // With `unique` a machine's interfaces get new addresses whatever is said of them here; they
  // are defined next, before it can start.
  if (kind == Kind::qemu) return form;
  for (unsigned i = 0; i < definition.shape.nics.size(); ++i)
    form.emplace_back("net" + std::to_string(i), TRY(nic_text(kind, definition.shape.nics[i], i)));
  return form;
}

bool is_birth(const std::string& type) {
  return type == "vzcreate" || type == "vzrestore" || type == "qmcreate" || type == "qmrestore";
}

}  // namespace

Result<void> Births::check(const GuestSpec& spec) const {
  // Proxmox reads both from snippets, which a token cannot upload.
  for (const auto& [field, text] : {std::pair{"userData", &spec.bootstrap.user_data},
                                    std::pair{"networkConfig", &spec.bootstrap.network_config}})
    if (!text->empty())
      return Error{Errc::invalid, std::string{"bootstrap."} + field +
                                      " cannot be passed to a guest of Proxmox with an API token; "
                                      "what it says has to be in the golden archive"};
  if (spec.limits.io_read_bps || spec.limits.io_write_bps)
    return Error{Errc::invalid, "limits: reading and writing cannot be limited on Proxmox yet"};
  for (const Interface& interface : spec.interfaces)
    if (interface.kind != Interface::Kind::bridge)
      return Error{Errc::invalid, "interface " + interface.name +
                                      ": a guest of Proxmox stands on a bridge of the node"};
  return ok();
}

// Whose guest a VMID is that could not be had.
Result<Births::Claim> Births::whose(int vmid, const Uuid& uuid) {
  for (const Kind kind : {Kind::lxc, Kind::qemu}) {
    const auto config = node_.config({kind, vmid});
    if (!config && config.error().code() == Errc::denied) return Claim::taken;
    if (!config) return config.error();
    if (*config) return whose(**config, uuid);
  }
  return TRY(is_restoring({vmid})) ? Claim::busy : Claim::taken;
}

Result<Births::Claim> Births::whose(const Config& config, const Uuid& uuid) {
  const auto text = own_marker(config);
  if (text && *text && (*text)->marker.uuid == uuid) return Claim::ours;
  // A placeholder has no marker yet; whoever makes it, its task tells.
  if (config.lock != "create") return Claim::taken;
  const auto& [kind, vmid] = config.place;
  if (TRY(is_restoring({vmid}))) return Claim::busy;
  node_.options().log.warn(
      "a guest is left of a creation that died, as root on the node removes it",
      {{"vmid", vmid},
       {"command", std::string{kind == Kind::lxc ? "pct" : "qm"} + " unlock " +
                       std::to_string(vmid) + ", then destroy it"}});
  return Claim::taken;
}

Result<bool> Births::is_restoring(const std::vector<int>& vmids) {
  const Json active = TRY(node_.client().get(node_.path("/tasks"), {{"source", "active"}}));
  if (!active.is_array()) return Error{Errc::unavailable, "the list of tasks is no list"};
  return std::any_of(active.begin(), active.end(), [&](const Json& entry) {
    const auto task = parse_upid(text_of(entry, "upid"));
    if (!task || !is_birth(task->type)) return false;
    if (!node_.options().user.empty() && task->user != node_.options().user) return false;
    return std::any_of(vmids.begin(), vmids.end(),
                       [&](int vmid) { return task->id == std::to_string(vmid); });
  });
}

Result<Births::Claim> Births::claim(int vmid, const Uuid& uuid, Kind kind,
                                    const MakeForm& make_form) {
  const Form form = TRY(make_form(vmid));
  const auto answer = node_.client().post(node_.path("/" + std::string{to_string(kind)}), form);
  if (!answer && answer.error().code() == Errc::conflict) return whose(vmid, uuid);
  if (!answer) return answer.error();
  TRY(node_.finish(uuid, *answer));
  return Claim::begun;
}

Result<void> Births::restore(const host::GuestDefinition& definition,
                             const host::StoredImage& image) {
  const Config archived = TRY(config_in(node_, image.directory));
  return bring(definition, archived.place.kind, [&](int vmid) {
    return restore_form(node_.options(), vmid, definition, image, archived);
  });
}

Result<void> Births::bring(const host::GuestDefinition& definition, Kind kind,
                           const MakeForm& make_form) {
  const auto turn = node_.storage_turn();
  const std::set<int> used = TRY(node_.used_vmids());
  const auto vmids = node_.vmids_for(definition.marker.uuid);
  bool is_name_checked = false;
  for (const int vmid : vmids) {
    const bool is_listed = used.count(vmid) > 0;
    if (!is_listed && !std::exchange(is_name_checked, true)) {
      const Listing listing = TRY(node_.list());
      TRY(check_name(listing, definition.name, std::nullopt));
    }
    switch (is_listed ? TRY(whose(vmid, definition.marker.uuid))
                      : TRY(claim(vmid, definition.marker.uuid, kind, make_form))) {
      case Claim::begun:
      case Claim::ours: return ok();
      case Claim::busy:
        return Error{Errc::unavailable,
                     "guest " + std::to_string(vmid) + " is being made; it may be this one"};
      case Claim::taken: break;
    }
  }
  return Error{Errc::exhausted, "none of " + std::to_string(vmids.size()) + " VMIDs from " +
                                    std::to_string(vmids.front()) + " on is free for a new guest"};
}

Result<host::BirthState> Births::find(const Uuid& uuid) {
  const auto vmids = node_.vmids_for(uuid);
  // Tasks first: one that ends in between is then seen by what it made.
  if (TRY(is_restoring(vmids))) return host::BirthState::under_way;
  const auto found = TRY(node_.observe(uuid));
  if (!found) return host::BirthState::absent;
  return found->lock == "create" ? host::BirthState::under_way : host::BirthState::born;
}

Result<void> Births::add_disk(const Uuid& uuid, const host::Disk& disk) {
  TRY(check_target(node_.options(), disk.target));
  const auto turn = node_.storage_turn();
  const Ours guest = TRY(node_.ours(uuid));
  std::set<std::string> taken;
  for (const Volume& volume : volumes_of(guest.config, node_.options(), uuid)) {
    taken.insert(volume.key);
    if (volume.disk.name != disk.name) continue;
    if (volume.disk.size <= disk.size) return ok();
    return Error{Errc::conflict, "disk " + disk.name + " is there and larger than asked for"};
  }
  const bool is_container = guest.config.place.kind == Kind::lxc;
  const std::string prefix = is_container ? "mp" : "scsi";
  unsigned index = is_container ? 0 : 1;
  while (!guest.config.get(prefix + std::to_string(index)).empty()) ++index;
  const std::string volume =
      node_.options().storages.at(disk.target) + ":" + gibibytes_text(disk.size);
  const std::string backup = disk.is_backed_up ? "1" : "0";
  const std::string value = is_container
                                ? volume + ",mp=" + mount_path(disk.name) + ",backup=" + backup
                                : volume + ",serial=" + disk.name + ",backup=" + backup;
  return node_.change(guest.config, {{prefix + std::to_string(index), value}});
}

Result<Volume> Births::volume_of(const Ours& guest, const std::string& name) const {
  for (Volume& volume : volumes_of(guest.config, node_.options(), guest.text.marker.uuid))
    if (volume.disk.name == name) return std::move(volume);
  return Error{Errc::not_found,
               "guest " + std::to_string(guest.config.place.vmid) + " has no disk " + name};
}

Result<std::string> Births::path_aside(const Uuid& uuid, const std::string& name) {
  const Ours guest = TRY(node_.ours(uuid));
  return aside_path(TRY(volume_of(guest, name)), uuid);
}

Result<void> Births::move_disk(gate::Permit permit, const Uuid& uuid, const std::string& name,
                               const std::string& target) {
  TRY(permit.covers({gate::Verb::move_disk}, uuid));
  TRY(check_target(node_.options(), target));
  const auto turn = node_.storage_turn();
  const Ours guest = TRY(node_.ours_stopped(uuid));
  TRY(permit.covers(uuid, guest.text.marker.incarnation));
  const Volume source = TRY(volume_of(guest, name));
  if (source.disk.target == target) return ok();
  const std::string storage = node_.options().storages.at(target);
  if (storage == source.storage)
    return Error{Errc::invalid, "targets " + source.disk.target + " and " + target +
                                    " are the same storage of Proxmox, " + storage};
  const Place& place = guest.config.place;
  const bool is_container = place.kind == Kind::lxc;
  node_.forget(place);
  const Json answer =
      TRY(node_.client().post(node_.path(place, is_container ? "/move_volume" : "/move_disk"),
                              {{is_container ? "volume" : "disk", source.key},
                               {"storage", storage},
                               {"delete", "0"},
                               {"digest", guest.config.digest}}));
  TRY(node_.finish(uuid, answer));
  const Ours after = TRY(node_.ours(uuid));
  const Volume copy = TRY(volume_of(after, name));
  if (copy.storage == storage && copy.id != source.id && copy.disk.size == source.disk.size)
    return ok();
  return Error{Errc::conflict, "disk " + name + " is not on " + storage + " in its full size"};
}

Result<void> Births::free(gate::Permit permit, const Uuid& uuid) {
  TRY(permit.covers(
      {gate::Verb::free_tombstone, gate::Verb::remove_unfinished, gate::Verb::remove_scratch},
      uuid));
  const auto turn = node_.storage_turn();
  const Ours guest = TRY(node_.ours_stopped(uuid));
  TRY(permit.covers(uuid, guest.text.marker.incarnation));
  const Place& place = guest.config.place;
  node_.forget(place);
  // What belongs to nobody is left: it may be somebody's.
  const Json answer = TRY(node_.client().remove(
      node_.path(place), {{"purge", "1"}, {"destroy-unreferenced-disks", "0"}}));
  return node_.finish(uuid, answer);
}

}  // namespace holdfast::proxmox
