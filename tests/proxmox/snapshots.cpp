// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/call.hpp"
#include "tests/proxmox/config_text.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

// Works of a snapshot's task hold this lock while they run.
Work locked(Call& call, const std::string& lock, std::function<void(Call&, Guest&, Task&)> effect) {
  return {.begin =
              [call, lock](Task&) mutable {
                Guest& guest = call.guest();
                call.require_unlocked(guest);
                guest.config["lock"] = lock;
              },
          .finish =
              [call, effect = std::move(effect)](Task& task) mutable {
                Guest& guest = call.guest();
                guest.config.erase("lock");
                effect(call, guest, task);
              },
          .abandon = [call](Task&) mutable { call.guest().config.erase("lock"); }};
}

std::vector<std::string> disks_of(const Guest& guest) {
  std::vector<std::string> ids;
  for (const auto& [key, value] : guest.config)
    if (is_disk(guest.kind, key) && value.find("media=cdrom") == std::string::npos)
      ids.push_back(volume_of(value));
  return ids;
}

void require_snapshot_storage(Call& call, const Guest& guest) {
  for (const auto& id : disks_of(guest)) {
    const Volume* volume = call.world.find_volume(id);
    if (volume == nullptr) refuse("volume '" + id + "' does not exist");
    if (volume->format != "qcow2" && !call.storage(volume->storage).has_snapshots())
      refuse("snapshot feature is not available");
  }
}

Snapshot& snapshot_of(Guest& guest, const std::string& name) {
  const auto found = guest.snapshots.find(name);
  if (found == guest.snapshots.end()) refuse("snapshot '" + name + "' does not exist");
  return found->second;
}

std::string with_line_end(const Guest& guest, const std::string& text) {
  return guest.kind == GuestKind::lxc && !text.empty() && !text.ends_with('\n') ? text + "\n"
                                                                                : text;
}

}  // namespace

json list_snapshots(Call& call) {
  const Guest& guest = call.guest();
  json rows = json::array();
  for (const auto& [name, snapshot] : guest.snapshots) {
    json row{{"name", name},
             {"description", with_line_end(guest, snapshot.description)},
             {"snaptime", snapshot.time}};
    if (!snapshot.parent.empty()) row["parent"] = snapshot.parent;
    if (guest.kind == GuestKind::qemu) row["vmstate"] = snapshot.has_ram ? 1 : 0;
    rows.push_back(std::move(row));
  }
  json current{{"name", "current"},
               {"description", "You are here!"},
               {"digest", digest_of(guest)},
               {"running", guest.power == PowerState::stopped ? 0 : 1}};
  if (!guest.parent.empty()) current["parent"] = guest.parent;
  rows.push_back(std::move(current));
  return rows;
}

json take_snapshot(Call& call) {
  call.guest();
  auto work = locked(call, "snapshot", [](Call& taken, Guest& guest, Task&) {
    const auto name = taken.text("snapname");
    Snapshot snapshot{.config = guest.config,
                      .time = taken.world.now,
                      .description = taken.text("description"),
                      .parent = guest.parent,
                      .has_ram = taken.flag("vmstate") && guest.power != PowerState::stopped};
    snapshot.config.erase("description");
    for (const auto& id : disks_of(guest))
      snapshot.contents[id] = taken.world.find_volume(id)->content;
    guest.snapshots[name] = std::move(snapshot);
    guest.parent = name;
  });
  // Seen before the lock is taken.
  work.begin = [call, begin = work.begin](Task& task) mutable {
    const Guest& guest = call.guest();
    call.require_unlocked(guest);
    const auto name = call.text("snapname");
    if (name == "current") refuse("snapshot name 'current' is reserved");
    if (guest.snapshots.contains(name)) refuse("snapshot name '" + name + "' already used");
    require_snapshot_storage(call, guest);
    begin(task);
  };
  return call.fork(prefix_of(call.kind) + "snapshot", std::move(work));
}

json remove_snapshot(Call& call) {
  call.guest();
  auto work = locked(call, "snapshot-delete", [](Call& asked, Guest& guest, Task&) {
    const auto name = asked.text("snapname");
    const std::string parent = snapshot_of(guest, name).parent;
    guest.snapshots.erase(name);
    if (guest.parent == name) guest.parent = parent;
    for (auto& [other, snapshot] : guest.snapshots)
      if (snapshot.parent == name) snapshot.parent = parent;
  });
  work.begin = [call, begin = work.begin](Task& task) mutable {
    snapshot_of(call.guest(), call.text("snapname"));
    begin(task);
  };
  return call.fork(prefix_of(call.kind) + "delsnapshot", std::move(work));
}

json answer_snapshot(Call& call) {
  Guest& guest = call.guest();
  const Snapshot& snapshot = snapshot_of(guest, call.text("snapname"));
  json shown = to_json(call.world.version, guest.kind, snapshot.config);
  shown["snaptime"] = snapshot.time;
  if (!snapshot.description.empty())
    shown["description"] = with_line_end(guest, snapshot.description);
  if (!snapshot.parent.empty()) shown["parent"] = snapshot.parent;
  return shown;
}

json put_snapshot(Call& call) {
  Guest& guest = call.guest();
  call.require_unlocked(guest);
  snapshot_of(guest, call.text("snapname")).description = call.text("description");
  return nullptr;
}

json roll_back(Call& call) {
  call.guest();
  auto work = locked(call, "rollback", [](Call& asked, Guest& guest, Task&) {
    const auto name = asked.text("snapname");
    const Snapshot snapshot = snapshot_of(guest, name);
    for (const auto& [id, content] : snapshot.contents)
      if (Volume* volume = asked.world.find_volume(id)) volume->content = content;
    const bool ran_on = snapshot.has_ram || asked.flag("start");
    const std::string description =
        guest.config.contains("description") ? guest.config.at("description") : "";
    guest.config = snapshot.config;
    if (!description.empty()) guest.config["description"] = description;
    guest.pending.clear();
    guest.pending_delete.clear();
    guest.parent = name;
    guest.power = ran_on ? PowerState::running : PowerState::stopped;
    guest.started = ran_on ? asked.world.now : 0;
  });
  work.begin = [call, begin = work.begin](Task& task) mutable {
    snapshot_of(call.guest(), call.text("snapname"));
    begin(task);
  };
  return call.fork(prefix_of(call.kind) + "rollback", std::move(work));
}

}  // namespace holdfast::standin
