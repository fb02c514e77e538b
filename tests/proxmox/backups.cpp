// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <ctime>

#include "tests/proxmox/call.hpp"
#include "tests/proxmox/config_text.hpp"
#include "tests/proxmox/guest_facts.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

std::string stamp_of(std::int64_t time, const char* format) {
  const std::time_t seconds = time;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), format, &parts);
  return text.data();
}

std::vector<int> wanted_guests(const Call& call) {
  std::vector<int> vmids;
  if (!call.flag("all")) {
    for (const auto& vmid : split_list(call.text("vmid"))) vmids.push_back(std::stoi(vmid));
    return vmids;
  }
  const auto excluded = split_list(call.text("exclude"));
  for (const auto& [vmid, guest] : call.world.guests) {
    const auto text = std::to_string(vmid);
    if (std::find(excluded.begin(), excluded.end(), text) != excluded.end()) continue;
    if (call.may("/vms/" + text, "VM.Backup")) vmids.push_back(vmid);
  }
  return vmids;
}

void require_rights(const Call& call) {
  for (const auto* name : {"script", "tmpdir", "dumpdir", "job-id"})
    if (call.has(name)) refuse_parameter(name, "Only root may set this option.");
  for (const auto* name : {"bwlimit", "ionice", "performance"})
    if (call.has(name)) call.require("/", "Sys.Modify");
  const auto storage = call.text("storage", "local");
  if (call.has("prune-backups") || call.has("maxfiles"))
    call.require("/storage/" + storage, "Datastore.Allocate");
  if (!call.flag("all"))
    for (const auto& vmid : split_list(call.text("vmid")))
      call.require("/vms/" + vmid, "VM.Backup");
  call.require("/storage/" + storage, "Datastore.AllocateSpace");
  if (!call.storage(storage).content.contains("backup"))
    refuse_parameter("storage", "storage '" + storage + "' does not support backups");
  if (!call.storage(storage).is_active) refuse("storage '" + storage + "' is not online");
}

void require_template(const Call& call) {
  const auto text = call.text("notes-template");
  std::string rest = text;
  for (const std::string_view known : {"{{cluster}}", "{{guestname}}", "{{node}}", "{{vmid}}"})
    for (auto at = rest.find(known); at != std::string::npos; at = rest.find(known))
      rest.erase(at, known.size());
  if (rest.find("{{") != std::string::npos)
    refuse_parameter("notes-template", "unexpected template variable");
}

std::string filled_notes(const Call& call, const Guest& guest) {
  std::string notes = call.text("notes-template");
  const std::map<std::string, std::string> known{{"{{cluster}}", "standalone node"},
                                                 {"{{guestname}}", name_of(guest)},
                                                 {"{{node}}", call.world.node},
                                                 {"{{vmid}}", std::to_string(guest.vmid)},
                                                 {"\\n", "\n"}};
  for (const auto& [name, value] : known)
    for (auto at = notes.find(name); at != std::string::npos; at = notes.find(name))
      notes.replace(at, name.size(), value);
  return notes;
}

// Which disks the backup takes: containers' mount points only when asked, VMs' unless not.
bool is_included(const Guest& guest, const std::string& key, const Properties& parts,
                 const std::string& volume) {
  if (guest.kind == GuestKind::qemu) {
    const auto media = parts.find("media");
    if (media != parts.end() && media->second == "cdrom") return false;
    return !parts.contains("backup") || parts.at("backup") == "1";
  }
  if (key == "rootfs") return true;
  return mount_type(volume) == "volume" && parts.contains("backup") && parts.at("backup") == "1";
}

void say_of_disk(Task& task, const Guest& guest, const std::string& key, const Properties& parts,
                 const std::string& volume, bool is_in) {
  if (guest.kind == GuestKind::qemu) {
    task.say(is_in ? "INFO: include disk '" + key + "' '" + volume + "'"
                   : "INFO: exclude disk '" + key + "' '" + volume + "' (backup=no)");
    return;
  }
  const std::string path = key == "rootfs" ? "/" : parts.at("mp");
  if (is_in)
    task.say("INFO: including mount point " + key + " ('" + path + "') in backup");
  else if (mount_type(volume) == "volume")
    task.say("INFO: excluding volume mount point " + key + " ('" + path +
             "') from backup (disabled)");
  else
    task.say("INFO: excluding " + mount_type(volume) + " mount point " + key + " ('" + path +
             "') from backup (not a volume)");
}

Archive archive_of(Call& call, const Guest& guest, Task& task) {
  Archive archive{
      .kind = guest.kind, .vmid = guest.vmid, .config = guest.config, .raw_lxc = guest.raw_lxc};
  archive.has_agent = guest.has_agent;
  archive.config.erase("lock");
  std::erase_if(archive.config, [](const auto& entry) { return is_unused(entry.first); });
  for (const auto& [key, value] : guest.config) {
    if (!is_disk(guest.kind, key)) continue;
    const auto parts = parts_of(call.world.version, guest.kind, key, value);
    const auto volume = volume_of(value);
    const bool is_in = is_included(guest, key, parts, volume);
    if (value.find("media=cdrom") == std::string::npos)
      say_of_disk(task, guest, key, parts, volume, is_in);
    if (!is_in) continue;
    const Volume* found = call.world.find_volume(volume);
    if (found == nullptr) refuse("volume '" + volume + "' does not exist");
    archive.contents[key] = found->content;
  }
  return archive;
}

void back_up_one(Call& call, Guest& guest, Task& task, const Archive& archive) {
  const std::string packing = call.text("compress", "0");
  const std::string end = packing == "zstd"                     ? ".zst"
                          : packing == "gzip" || packing == "1" ? ".gz"
                          : packing == "lzo"                    ? ".lzo"
                                                                : "";
  const std::string format = (guest.kind == GuestKind::lxc ? "tar" : "vma") + end;
  const std::string storage = call.text("storage", "local");
  const std::string file = "vzdump-" + std::string{to_string(guest.kind)} + "-" +
                           std::to_string(guest.vmid) + "-" +
                           stamp_of(call.world.now, "%Y_%m_%d-%H_%M_%S") + "." + format;
  task.say("INFO: creating vzdump archive '" + call.storage(storage).path + "/dump/" + file + "'");
  const std::string id = storage + ":backup/" + file;
  std::uint64_t size = 1'000'000;
  for (const auto& [key, content] : archive.contents) size += content.size();
  call.world.volumes[id] = {.id = id,
                            .storage = storage,
                            .kind = "backup",
                            .format = format,
                            .vmid = guest.vmid,
                            .size = size,
                            .created = call.world.now,
                            .notes = filled_notes(call, guest),
                            .is_protected = call.flag("protected"),
                            .archive = archive};
  if (call.flag("protected")) task.say("INFO: marking backup as protected");
}

// State between a job's beginning and its end.
struct Job {
  std::vector<int> vmids{};
  std::map<int, Archive> archives{};
  std::map<int, std::uint64_t> births{};
  std::map<int, std::string> parents{};
  bool has_failed = false;
};

void begin_job(Call& call, Job& job, Task& task) {
  task.say("INFO: starting new backup job: vzdump " + call.text("vmid"));
  for (const int vmid : job.vmids) {
    const auto text = std::to_string(vmid);
    try {
      Guest* guest = call.world.find_guest(vmid);
      if (guest == nullptr) refuse("unable to find VM '" + text + "'");
      call.require_unlocked(*guest);
      task.say("INFO: Starting Backup of VM " + text + " (" + std::string{to_string(guest->kind)} +
               ")");
      task.say("INFO: status = " + word_for(guest->power));
      job.archives[vmid] = archive_of(call, *guest, task);
      job.births[vmid] = guest->birth;
      guest->config["lock"] = "backup";
      // A running container is copied from a snapshot that it comes from meanwhile.
      job.parents[vmid] = guest->parent;
      if (guest->kind == GuestKind::lxc && guest->power != PowerState::stopped &&
          call.text("mode", "snapshot") == "snapshot")
        guest->parent = "vzdump";
    } catch (const Refusal& refusal) {
      job.has_failed = true;
      task.say("ERROR: Backup of VM " + text + " failed - " +
               refusal.message.substr(0, refusal.message.find('\n')));
    }
  }
}

void unlock(Call& call, const Job& job) {
  for (const auto& [vmid, birth] : job.births) {
    Guest* guest = call.world.find_guest(vmid);
    if (guest == nullptr || guest->birth != birth) continue;
    guest->config.erase("lock");
    guest->parent = job.parents.at(vmid);
  }
}

}  // namespace

json back_up(Call& call) {
  require_rights(call);
  require_template(call);
  if (!call.has("vmid") && !call.flag("all") && !call.has("pool"))
    refuse_parameter("vmid", "property is missing and it is not optional");
  auto job = std::make_shared<Job>();
  job->vmids = wanted_guests(call);
  const std::string id =
      !call.flag("all") && job->vmids.size() == 1 ? std::to_string(job->vmids.front()) : "";
  Work work{.begin = [call, job](Task& task) mutable { begin_job(call, *job, task); },
            .finish =
                [call, job](Task& task) mutable {
                  unlock(call, *job);
                  for (const auto& [vmid, archive] : job->archives)
                    if (Guest* guest = call.world.find_guest(vmid))
                      back_up_one(call, *guest, task, archive);
                  if (job->has_failed) {
                    task.say("INFO: Backup job finished with errors");
                    refuse("job errors");
                  }
                  task.say("INFO: Backup job finished successfully");
                },
            .abandon = [call, job](Task&) mutable { unlock(call, *job); }};
  return call.tasks.fork_alone(call.caller, "vzdump", id, std::move(work),
                               call.number("lockwait", 180) != 0, call.now);
}

json extract_config(Call& call) {
  const auto id = call.text("volume");
  const Volume* volume = call.world.find_volume(id);
  if (volume == nullptr || !volume->archive) refuse("volume '" + id + "' does not exist");
  if (!call.may("/storage/" + volume->storage, "Datastore.Allocate")) {
    call.require("/storage/" + volume->storage, "Datastore.AllocateSpace");
    call.require("/vms/" + std::to_string(volume->vmid), "VM.Backup");
  }
  return text_of(volume->archive->kind, volume->archive->config, volume->archive->raw_lxc);
}

}  // namespace holdfast::standin
