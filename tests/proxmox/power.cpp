// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/call.hpp"
#include "tests/proxmox/config_text.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

// What waited for a start is there from now on.
void apply_pending(World& world, Guest& guest) {
  for (const auto& key : guest.pending_delete) {
    const auto found = guest.config.find(key);
    if (found == guest.config.end()) continue;
    const std::string volume = volume_of(found->second);
    guest.config.erase(found);
    if (!is_disk(guest.kind, key) || world.find_volume(volume) == nullptr) continue;
    int number = 0;
    while (guest.config.contains("unused" + std::to_string(number))) ++number;
    guest.config["unused" + std::to_string(number)] = volume;
  }
  for (const auto& [key, value] : guest.pending) guest.config[key] = value;
  guest.pending.clear();
  guest.pending_delete.clear();
}

void power_on(Call& call, Guest& guest) {
  apply_pending(call.world, guest);
  guest.power = PowerState::running;
  guest.started = call.world.now;
  guest.pid = call.world.new_pid();
}

void power_down(Call& call, Guest& guest) {
  guest.power = PowerState::stopped;
  guest.started = 0;
  guest.pid = 0;
  apply_pending(call.world, guest);
}

std::string task_type(const Call& call, const std::string& verb) {
  return prefix_of(call.kind) + verb;
}

void require_disks(Call& call, const Guest& guest) {
  for (const auto& [key, value] : guest.config) {
    const auto volume = volume_of(value);
    if (is_disk(guest.kind, key) && volume.find(':') != std::string::npos &&
        call.world.find_volume(volume) == nullptr)
      refuse("volume '" + volume + "' does not exist");
  }
}

// Asks politely for as long as `timeout`; true when it went.
void shut_down(Call& call, Guest& guest, Task& task) {
  if (guest.is_deaf && !call.flag("forceStop")) {
    if (call.kind == GuestKind::qemu) refuse("VM quit/powerdown failed - got timeout");
    refuse("command 'lxc-stop -n " + call.text("vmid") + " --timeout " +
           call.text("timeout", "60") + "' failed: exit code 1");
  }
  if (guest.is_deaf && call.kind == GuestKind::qemu)
    task.say("VM still running - terminating now with SIGTERM");
  power_down(call, guest);
}

Duration patience(const Call& call, const Guest& guest) {
  if (!guest.is_deaf) return Duration{2'000};
  return Duration{1'000} * call.number("timeout", 60);
}

}  // namespace

json start_guest(Call& call) {
  Guest& guest = call.guest();
  const bool is_lxc = call.kind == GuestKind::lxc;
  if (is_lxc && guest.power != PowerState::stopped) refuse(call.title() + " already running");
  return call.fork(task_type(call, "start"), {.finish = [call, is_lxc](Task& task) mutable {
                     Guest& started = call.guest();
                     call.require_unlocked(started);
                     if (started.power != PowerState::stopped)
                       refuse(call.title() + " already running");
                     require_disks(call, started);
                     if (!is_lxc && text_of(started).find("cloudinit") != std::string::npos)
                       task.say("generating cloud-init ISO");
                     power_on(call, started);
                   }});
}

json stop_guest(Call& call) {
  Guest& guest = call.guest();
  if (call.kind == GuestKind::lxc && guest.power == PowerState::stopped)
    refuse(call.title() + " not running");
  return call.fork(task_type(call, "stop"), {.finish = [call](Task&) mutable {
                     Guest& stopped = call.guest();
                     call.require_unlocked(stopped);
                     if (stopped.power != PowerState::stopped) power_down(call, stopped);
                   }});
}

json shut_down_guest(Call& call) {
  Guest& guest = call.guest();
  if (call.kind == GuestKind::lxc && guest.power == PowerState::stopped)
    refuse(call.title() + " not running");
  return call.fork(task_type(call, "shutdown"), {.finish =
                                                     [call](Task& task) mutable {
                                                       Guest& asked = call.guest();
                                                       call.require_unlocked(asked);
                                                       if (asked.power == PowerState::stopped)
                                                         return;
                                                       shut_down(call, asked, task);
                                                     },
                                                 .takes = patience(call, guest)});
}

json suspend_guest(Call& call) {
  Guest& guest = call.guest();
  if (call.kind == GuestKind::lxc) {
    if (guest.power == PowerState::stopped) refuse(call.title() + " not running");
    return call.fork("vzsuspend", {.finish = [call](Task& task) mutable {
                       task.say("sh: criu: command not found");
                       refuse("suspend checkpoint failed: exit code 1");
                     }});
  }
  const bool to_disk = call.flag("todisk");
  if (to_disk) call.require(call.vms_path(), "VM.Config.Disk");
  if (guest.power == PowerState::stopped) refuse("VM " + call.text("vmid") + " not running");
  return call.fork(to_disk ? "qmsuspend" : "qmpause", {.finish = [call, to_disk](Task&) mutable {
                     Guest& paused = call.guest();
                     call.require_unlocked(paused);
                     if (to_disk) {
                       power_down(call, paused);
                       paused.config["lock"] = "suspended";
                       return;
                     }
                     paused.power = PowerState::paused;
                   }});
}

json resume_guest(Call& call) {
  Guest& guest = call.guest();
  if (guest.power == PowerState::stopped) refuse(call.title() + " not running");
  return call.fork(task_type(call, "resume"), {.finish = [call](Task&) mutable {
                     Guest& resumed = call.guest();
                     call.require_unlocked(resumed);
                     resumed.power = PowerState::running;
                   }});
}

json reboot_guest(Call& call) {
  Guest& guest = call.guest();
  if (guest.power == PowerState::stopped) refuse(call.title() + " not running");
  return call.fork(task_type(call, "reboot"), {.finish =
                                                   [call](Task& task) mutable {
                                                     Guest& again = call.guest();
                                                     call.require_unlocked(again);
                                                     shut_down(call, again, task);
                                                     power_on(call, again);
                                                   },
                                               .takes = patience(call, guest)});
}

json reset_guest(Call& call) {
  Guest& guest = call.guest();
  if (guest.power == PowerState::stopped) refuse(call.title() + " not running");
  return call.fork("qmreset", {.finish = [call](Task&) mutable {
                     Guest& again = call.guest();
                     call.require_unlocked(again);
                     again.started = call.world.now;
                   }});
}

json ping_agent(Call& call) {
  const Guest& guest = call.guest();
  if (!guest.has_agent || guest.power != PowerState::running)
    refuse("QEMU guest agent is not running");
  return {{"result", json::object()}};
}

}  // namespace holdfast::standin
