// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "drivers/proxmox/ports.hpp"
#include "drivers/proxmox/upid.hpp"

// Backups by vzdump, and what is made of them again. Neither can be bound to a digest: the guest
// is read right before each, and afterwards the archive says itself whose it is.
namespace holdfast::proxmox {
namespace {

Result<std::string> storage_of(const Options& options) {
  if (!options.backup_storage.empty()) return options.backup_storage;
  if (!options.image_storages.empty()) return options.image_storages.front();
  return Error{Errc::invalid,
               "it is not said where backups go (proxmox.backupStorage in agent.yaml)"};
}

host::BackupFacts listed_facts(const Json& entry) {
  host::BackupFacts facts;
  facts.id = text_of(entry, "volid");
  facts.taken = Time{std::chrono::seconds{static_cast<std::int64_t>(number_of(entry, "ctime"))}};
  facts.size = Bytes{static_cast<std::uint64_t>(number_of(entry, "size"))};
  facts.is_protected = number_of(entry, "protected") > 0;
  return facts;
}

void tell(host::BackupFacts& facts, const BackupNotes& notes) {
  facts.host_id = notes.host_id;
  facts.guest = notes.guest;
  facts.incarnation = notes.incarnation;
  facts.guest_name = notes.guest_name;
  facts.label = notes.label;
  facts.note = notes.note;
}

host::BackupFacts untold(host::BackupFacts facts) {
  tell(facts, {.incarnation = {}});
  return facts;
}

// "local:backup/vzdump-lxc-300-2026_11_22-17_30_15.tar.zst" -> 300; 0: it says none.
int vmid_in(const std::string& volid) {
  for (const char* prefix : {"vzdump-lxc-", "vzdump-qemu-", "backup/ct/", "backup/vm/"}) {
    const auto at = volid.find(prefix);
    if (at != std::string::npos) return std::atoi(volid.c_str() + at + std::strlen(prefix));
  }
  return 0;
}

}  // namespace

Result<std::vector<ArchiveBackups::Archive>> ArchiveBackups::archives() {
  const std::string storage = TRY(storage_of(node_.options()));
  const Json data = TRY(
      node_.client().get(node_.path("/storage/" + storage + "/content"), {{"content", "backup"}}));
  if (!data.is_array())
    return Error{Errc::unavailable, "the content of " + storage + " is no list"};
  std::vector<Archive> archives;
  for (const Json& entry : data) {
    const std::string notes = text_of(entry, "notes");
    if (notes.starts_with("holdfast-image ")) continue;
    Archive archive{listed_facts(entry), static_cast<int>(number_of(entry, "vmid"))};
    if (const auto told = read_notes(notes)) tell(archive.facts, *told);
    archives.push_back(std::move(archive));
  }
  std::sort(archives.begin(), archives.end(), [](const Archive& one, const Archive& other) {
    return std::pair{one.facts.taken, one.facts.id} < std::pair{other.facts.taken, other.facts.id};
  });
  return archives;
}

// Whether what the archive holds is the guest that its notes name.
Result<bool> ArchiveBackups::is_of(const Archive& archive) {
  const host::BackupFacts& facts = archive.facts;
  const std::string key =
      facts.id + " " + holdfast::to_string(facts.taken) + " " + std::to_string(facts.size.value);
  const auto matches = [&](const host::Marker& marker) {
    return marker.uuid == facts.guest && marker.incarnation == facts.incarnation &&
           marker.host_id == facts.host_id;
  };
  {
    auto markers = markers_.lock();
    if (const auto known = markers->find(key); known != markers->end())
      return matches(known->second);
  }
  auto archived = config_in(node_, facts.id);
  if (!archived && archived.error().code() == Errc::unavailable) return archived.error();
  host::Marker marker;
  if (archived) {
    archived->place.vmid = archive.vmid;
    if (const auto found = own_marker(*archived); found && *found) marker = (*found)->marker;
  }
  (*markers_.lock())[key] = marker;
  return matches(marker);
}

Result<std::vector<host::BackupFacts>> ArchiveBackups::list(const std::optional<Uuid>& guest) {
  std::vector<host::BackupFacts> backups;
  const auto all = TRY(archives());
  for (const Archive& archive : all) {
    const bool is_told = !archive.facts.host_id.empty();
    if (guest && (!is_told || archive.facts.guest != *guest)) continue;
    const bool is_true = is_told && TRY(is_of(archive));
    if (guest && !is_true) continue;
    backups.push_back(is_true ? archive.facts : untold(archive.facts));
  }
  auto markers = markers_.lock();
  std::erase_if(*markers, [&](const auto& known) {
    return std::none_of(all.begin(), all.end(), [&](const Archive& archive) {
      return known.first.starts_with(archive.facts.id + " ");
    });
  });
  return backups;
}

Result<std::optional<host::BackupFacts>> ArchiveBackups::find(const Uuid& uuid,
                                                              const std::string& label) {
  for (host::BackupFacts& facts : TRY(list(uuid)))
    if (facts.label == label) return std::optional{std::move(facts)};
  return std::optional<host::BackupFacts>{};
}

Result<bool> ArchiveBackups::is_being_taken(int vmid) const {
  const Json active = TRY(node_.client().get(node_.path("/tasks"), {{"source", "active"}}));
  if (!active.is_array()) return Error{Errc::unavailable, "the list of tasks is no list"};
  return std::any_of(active.begin(), active.end(), [&](const Json& entry) {
    const auto task = parse_upid(text_of(entry, "upid"));
    if (!task || task->type != "vzdump" || task->id != std::to_string(vmid)) return false;
    return node_.options().user.empty() || task->user == node_.options().user;
  });
}

Result<host::BackupFacts> ArchiveBackups::take(const Uuid& uuid, const host::BackupOrder& order) {
  const std::string storage = TRY(storage_of(node_.options()));
  if (auto found = TRY(find(uuid, order.label))) return std::move(*found);
  const auto seen = TRY(node_.observe(uuid));
  if (seen && seen->lock == "backup")
    return Error{Errc::unavailable, "guest " + seen->name + " is being backed up"};
  const Ours first = TRY(node_.ours(uuid));
  const host::Marker& marker = first.text.marker;
  const std::string notes = TRY(
      notes_text({marker.name, uuid, marker.incarnation, marker.host_id, order.label, order.note}));
  // One that waits for its turn has no lock yet.
  if (TRY(is_being_taken(first.config.place.vmid)))
    return Error{Errc::unavailable, "a backup of guest " + marker.name + " is under way"};
  const Ours guest = TRY(node_.ours(uuid));
  const Place& place = guest.config.place;
  node_.forget(place);
  // `remove` would prune this guest's older backups by the storage's rules, unasked.
  const Json answer =
      TRY(node_.client().post(node_.path("/vzdump"), {{"vmid", std::to_string(place.vmid)},
                                                      {"storage", storage},
                                                      {"mode", "snapshot"},
                                                      {"compress", "zstd"},
                                                      {"remove", "0"},
                                                      {"protected", order.is_protected ? "1" : "0"},
                                                      {"notes-template", notes}}));
  TRY(node_.finish(uuid, answer));
  if (auto found = TRY(find(uuid, order.label))) return std::move(*found);
  return Error{Errc::conflict, "the backup that was taken is not of guest " + marker.name};
}

Result<Config> ArchiveBackups::read(const std::string& backup) {
  Config archived = TRY(config_in(node_, backup));
  archived.place.vmid = vmid_in(backup);
  return archived;
}

Result<host::BackupContent> ArchiveBackups::inspect(const std::string& backup, const Uuid& as) {
  const auto all = TRY(archives());
  if (std::none_of(all.begin(), all.end(),
                   [&](const Archive& archive) { return archive.facts.id == backup; }))
    return Error{Errc::not_found, "there is no backup " + backup};
  return content_of(TRY(read(backup)), node_.options(), as);
}

Result<Form> guest_form(const Options& options, const Place& place,
                        const host::GuestDefinition& definition, const std::string& description) {
  const bool is_container = place.kind == Kind::lxc;
  Form form{{"vmid", std::to_string(place.vmid)},
            {is_container ? "hostname" : "name", definition.name},
            {"description", TRY(with_marker(description, {definition.marker, place.vmid}))},
            {"onboot", "0"},
            {"memory", std::to_string(definition.shape.memory.value / (1024 * 1024))}};
  if (definition.shape.cpus > 0)  // a container may have no limit
    form.emplace_back("cores", std::to_string(definition.shape.cpus));
  if (!is_container) form.emplace_back("sockets", "1");
  if (!options.pool.empty()) form.emplace_back("pool", options.pool);
  return form;
}

namespace {

Result<void> add_archive(const Config& archived, const std::string& backup, const Options& options,
                         Form& form) {
  const bool is_container = archived.place.kind == Kind::lxc;
  form.emplace_back(is_container ? "ostemplate" : "archive", backup);
  if (is_container) form.emplace_back("restore", "1");
  // Said, because Proxmox judges by the request what a token may not do to privileged ones.
  if (archived.get("unprivileged") == "1") form.emplace_back("unprivileged", "1");
  for (auto& [key, value] : TRY(restore_disks(archived, options))) form.emplace_back(key, value);
  return ok();
}

Result<void> add_nics(const host::GuestDefinition& definition, Kind kind, Form& form) {
  for (unsigned i = 0; i < definition.shape.nics.size(); ++i)
    form.emplace_back("net" + std::to_string(i), TRY(nic_text(kind, definition.shape.nics[i], i)));
  return ok();
}

}  // namespace

Result<void> ArchiveBackups::restore(const host::GuestDefinition& definition,
                                     const std::string& backup) {
  const Config archived = TRY(read(backup));
  const Kind kind = archived.place.kind;
  return births_.bring(definition, kind, [&](int vmid) -> Result<Form> {
    Form form =
        TRY(guest_form(node_.options(), {kind, vmid}, definition, archived.get("description")));
    TRY(add_archive(archived, backup, node_.options(), form));
    // A machine's smbios id and addresses are renewed, whatever is said of them; they are defined
    // next, before it can start.
    if (kind == Kind::qemu) form.emplace_back("unique", "1");
    if (kind == Kind::lxc) TRY(add_nics(definition, kind, form));
    return form;
  });
}

Result<host::RestoreForecast> ArchiveBackups::forecast(const Ours& guest, const Config& archived) {
  const Json data = TRY(node_.client().get(node_.path(guest.config.place, "/snapshot")));
  if (!data.is_array()) return Error{Errc::unavailable, "the list of snapshots is no list"};
  std::vector<std::string> snapshots;
  for (const Json& entry : data)
    if (const std::string name = text_of(entry, "name"); name != "current")
      snapshots.push_back(name);
  return forecast_of(guest.config, archived, snapshots, node_.options(), guest.text.marker.uuid);
}

Result<host::RestoreForecast> ArchiveBackups::forecast(const Uuid& uuid,
                                                       const std::string& backup) {
  const Ours guest = TRY(node_.ours(uuid));
  TRY(inspect(backup, uuid));
  return forecast(guest, TRY(read(backup)));
}

Result<void> ArchiveBackups::restore_over(gate::Permit permit,
                                          const host::GuestDefinition& definition,
                                          const std::string& backup) {
  const Uuid& uuid = definition.marker.uuid;
  TRY(permit.covers({gate::Verb::restore_over}, uuid));
  const auto turn = node_.storage_turn();
  const Ours first = TRY(node_.ours_stopped(uuid));
  TRY(permit.covers(uuid, first.text.marker.incarnation));
  const Config archived = TRY(read(backup));
  const auto outlook = TRY(forecast(first, archived));
  if (!outlook.lost.empty())
    return Error{Errc::denied, "it would lose " + outlook.lost.front() + " for good"};
  const Ours guest = TRY(node_.ours_stopped(uuid));
  TRY(permit.covers(uuid, guest.text.marker.incarnation));
  const Place& place = guest.config.place;
  Form form = TRY(guest_form(node_.options(), place, definition, guest.config.get("description")));
  std::erase_if(form, [](const auto& part) { return part.first == "pool"; });  // it is in it
  TRY(add_archive(archived, backup, node_.options(), form));
  TRY(add_nics(definition, place.kind, form));
  form.emplace_back("force", "1");
  node_.forget(place);
  const std::string kind{to_string(place.kind)};
  return node_.finish(uuid, TRY(node_.client().post(node_.path("/" + kind), form)));
}

Result<void> ArchiveBackups::reattach(const Uuid& uuid, const host::KeptDisk& disk) {
  const Ours guest = TRY(node_.ours(uuid));
  const auto equals = disk.handle.find('=');
  if (equals == std::string::npos) return Error{Errc::invalid, disk.handle + " names no volume"};
  const std::string key = disk.handle.substr(0, equals);
  const std::string value = disk.handle.substr(equals + 1);
  const std::string volume = value.substr(0, value.find(','));
  bool is_aside = false;
  for (const auto& [name, present] : guest.config.values) {
    if (present.substr(0, present.find(',')) != volume) continue;
    if (!name.starts_with("unused")) return ok();
    is_aside = true;
  }
  if (!is_aside)
    return Error{Errc::corrupt, "volume " + volume + " of disk " + disk.disk.name +
                                    " is not among what the guest has out of use"};
  if (!guest.config.get(key).empty())
    return Error{Errc::conflict, key + ", where disk " + disk.disk.name + " was, is taken"};
  return node_.change(guest.config, {{key, value}});
}

}  // namespace holdfast::proxmox
