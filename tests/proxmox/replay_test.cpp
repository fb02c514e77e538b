// SPDX-License-Identifier: Apache-2.0
// What was recorded on a real host, asked of the stand-in: recording.jsonl, made by
// tools/derive_proxmox_recording.py. Each exchange that the stand-in plays must match in status,
// in where its error stands and what it says, in the shape of its data and in how its task ends.
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <regex>

#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/proxmox/config_text.hpp"
#include "tests/proxmox/request_parameters.hpp"
#include "tests/proxmox/stand_in.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

const std::string root = "PVEAPIToken=root@pam!agent=00000000-0000-4000-8000-000000000001";
const std::string agent = "PVEAPIToken=agent@pve!t1=00000000-0000-4000-8000-000000000002";

// Recorded on a host that lacked something, which ours does not play.
const std::map<int, std::string> not_played{{496, "pools"},
                                            {512, "pools"},
                                            {515, "pools"},
                                            {518, "pools"},
                                            {1420, "tasks of the cluster"},
                                            {1484, "capabilities"},
                                            {1497, "a host without D-Bus"},
                                            {1675, "agent/info"},
                                            {819, "file-restore"},
                                            {831, "lists what was uploaded"},
                                            {870, "shows a storage made over the API"}};

class Replay {
 public:
  Replay() : stand_in_{{.per_request = Duration{1'000}}} {
    auto& access = stand_in_.world().access;
    access.add_token({.id = "root@pam!agent",
                      .secret = "00000000-0000-4000-8000-000000000001",
                      .is_separated = false});
    access.add_token({.id = "agent@pve!t1", .secret = "00000000-0000-4000-8000-000000000002"});
    stand_in_.tasks().durations["vzcreate"] = Duration{1'500};
    set_up_guests();
    set_up_rights();
    set_up_tasks();
  }

  void set_scene(const std::string& name) {
    scene_ = name;
    const auto found = scenes_.find(name);
    REQUIRE(found != scenes_.end());
    found->second();
  }
  // False: the stand-in does not play it.
  bool play(const json& recorded);

 private:
  void set_up_guests();
  void set_up_rights();
  void set_up_tasks();
  void add_containers();
  void grant(Privileges privileges) {
    for (const auto* subject : {"agent@pve", "agent@pve!t1"})
      stand_in_.world().access.grant(subject, "/", privileges);
  }
  http::Request request_of(const json& recorded);
  std::string translated(std::string text);
  void check_task(const json& recorded, const std::string& upid);

  StandIn stand_in_;
  std::string scene_{};
  std::map<std::string, std::function<void()>> scenes_{};
  std::map<std::string, std::string> known_{};  // recorded UPIDs and volumes -> ours
};

Privileges vm_admin() {
  Privileges privileges;
  for (const auto& privilege : all_privileges(Version::v8_4))
    if (privilege.starts_with("VM.")) privileges.insert(privilege);
  return privileges;
}

void Replay::add_containers() {
  auto& world = stand_in_.world();
  world.add_guest(GuestKind::lxc, 100,
                  {{"hostname", "web"},
                   {"ostype", "unmanaged"},
                   {"memory", "256"},
                   {"net0",
                    "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:17:B1:B1,ip=10.99.0.10/24,"
                    "type=veth"},
                   {"rootfs", "local:0"},
                   {"unprivileged", "1"}},
                  "web");
  world.add_guest(GuestKind::lxc, 101, {{"hostname", "web2"}, {"rootfs", "local:1"}}, "web2");
  world.add_archive("local", {.vmid = 100, .config = world.find_guest(100)->config},
                    "web by agent");
  world.add_archive("local", {.vmid = 101, .config = world.find_guest(101)->config});
}

void Replay::set_up_guests() {
  auto& world = stand_in_.world();
  scenes_["pair"] = [this, &world] {
    grant(all_privileges(Version::v8_4));
    world.add_guest(GuestKind::lxc, 9100, {{"hostname", "tinyct"}, {"rootfs", "fast:1"}}, "ct");
    auto& machine = world.add_guest(GuestKind::qemu, 9000,
                                    {{"name", "tinyvm"},
                                     {"agent", "1"},
                                     {"memory", "192"},
                                     {"net0", "virtio=BC:24:11:00:00:02,bridge=vmbr0"},
                                     {"ide2", "local:9000/vm-9000-cloudinit.qcow2,media=cdrom"},
                                     {"scsi0", "local:1"}},
                                    "vm");
    machine.has_agent = true;
    world.volumes["local:9000/vm-9000-cloudinit.qcow2"] = {
        .id = "local:9000/vm-9000-cloudinit.qcow2",
        .storage = "local",
        .kind = "images",
        .format = "qcow2",
        .vmid = 9000};
  };
  scenes_["templates"] = [&world] {
    world.pools.insert("bk");
    world.add_template("local", "alpine-3.20-tiny_3.20_amd64.tar.gz", "alpine");
    world.add_template("local", "busybox-1.0_amd64.tar.gz", "busybox");
  };
  scenes_["containers"] = [this] { add_containers(); };
}

void Replay::set_up_rights() {
  auto& world = stand_in_.world();
  scenes_["no rights"] = [&world] {
    world.access.revoke("agent@pve", "/");
    world.access.revoke("agent@pve!t1", "/");
  };
  scenes_["bad tokens"] = [] {};
  scenes_["rights of the user"] = [&world] { world.access.grant("agent@pve", "/", vm_admin()); };
  scenes_["rights of both"] = [&world] { world.access.grant("agent@pve!t1", "/", vm_admin()); };
  scenes_["storage"] = [this] { grant({"Datastore.AllocateSpace", "Datastore.Audit"}); };
  scenes_["keyctl"] = [&world] {
    auto& guest = *world.find_guest(100);
    guest.config["features"] = "nesting=1,keyctl=1,fuse=1";
    guest.config["memory"] = "128";
    guest.raw_lxc = {"lxc.environment: A=1", "lxc.cap.drop: sys_module"};
    for (const auto* key : {"mp1", "mp2"}) {
      const auto& volume = world.allocate("local", 100, GuestKind::lxc, "raw", 1 << 30);
      guest.config[key] =
          volume.id + (key[2] == '1' ? ",mp=/data,backup=0" : ",mp=/bdata,backup=1") + ",size=1G";
    }
  };
  scenes_["bridge"] = [this] { grant({"SDN.Use"}); };
  scenes_["bind mount"] = [&world] { world.find_guest(100)->config["mp3"] = "/srv,mp=/srv"; };
}

void Replay::set_up_tasks() {
  auto& world = stand_in_.world();
  scenes_["running container"] = [&world] { world.find_guest(310)->power = PowerState::running; };
  scenes_["running backup"] = [this] {
    auto& durations = stand_in_.tasks().durations;
    durations["vzdump"] = Duration{300'000};
    const auto start = [this](const std::string& more) {
      http::Request request{.method = "POST", .path = "/nodes/pve1/vzdump"};
      request.headers["Authorization"] = root;
      request.body = "vmid=310&storage=local&mode=snapshot" + more;
      return json::parse(stand_in_.answer(request).body)["data"].get<std::string>();
    };
    known_["UPID:pve1:00000ABA:0004DA6E:6B032709:vzdump:310:root@pam!agent:"] = start("");
    known_["UPID:pve1:00000AE2:0004DC9B:6B03270F:vzdump:310:root@pam!agent:"] =
        start("&lockwait=0");
    durations["vzdump"] = Duration{2'000};
  };
  scenes_["finished backup"] = [] {};
  scenes_["stale lock"] = [&world] { world.find_guest(100)->config["lock"] = "backup"; };
  scenes_["running machine"] = [&world] {
    world.find_guest(500)->power = PowerState::running;
    world.find_guest(500)->is_deaf = true;
  };
  scenes_["deaf machine"] = [&world] { world.find_guest(501)->is_deaf = true; };
}

// Recorded UPIDs and archives' names are ours by now.
std::string Replay::translated(std::string text) {
  for (const auto& [recorded, ours] : known_)
    for (auto at = text.find(recorded); at != std::string::npos;
         at = text.find(recorded, at + ours.size()))
      text.replace(at, recorded.size(), ours);
  static const std::regex archive{
      R"(local:backup/vzdump-(?:lxc|qemu)-(\d+)-[0-9_]+-[0-9_]+\.[a-z.]+)"};
  std::smatch found;
  if (!std::regex_search(text, found, archive)) return text;
  const std::string id = found[0];
  if (stand_in_.world().find_volume(id) != nullptr) return text;
  const auto backups = stand_in_.world().volumes_of(std::stoi(found[1]), "backup");
  const Volume* newest = nullptr;
  for (const auto* backup : backups)
    if (newest == nullptr || backup->created >= newest->created) newest = backup;
  if (newest == nullptr) return text;
  known_[id] = newest->id;
  return translated(text);
}

http::Request Replay::request_of(const json& recorded) {
  const std::string line = recorded["request"];
  const auto space = line.find(' ');
  http::Request request{.method = line.substr(0, space)};
  const auto target = line.substr(space + 1);
  const auto question = std::min(target.find('?'), target.size());
  request.path = translated(decode_percent(target.substr(0, question), false));
  if (question < target.size())
    for (const auto& [name, value] : decode_form(target.substr(question + 1)))
      request.query[name] = translated(value.text);
  request.headers["Authorization"] = scene_ == "bad tokens"    ? root + "x"
                                     : recorded.contains("as") ? agent
                                                               : root;
  if (!recorded.contains("body")) return request;
  const std::string media = recorded.value("media", "form");
  request.headers["Content-Type"] =
      media == "json" ? "application/json" : "application/x-www-form-urlencoded";
  request.body = recorded["body"];
  if (media != "form" || request.method == "DELETE") return request;
  // Archives' names are in it, encoded.
  static const std::regex archive{R"(local(?:%3A|:)backup(?:%2F|/)vzdump-[^&]*)"};
  std::smatch found;
  if (std::regex_search(request.body, found, archive)) {
    const auto ours = translated(decode_percent(found[0].str(), true));
    request.body.replace(static_cast<std::size_t>(found.position(0)),
                         static_cast<std::size_t>(found.length(0)), ours);
  }
  return request;
}

std::string type_of(const json& value) {
  if (value.is_number()) return "number";
  return value.is_string() ? "string" : value.is_boolean() ? "boolean" : value.type_name();
}

// Whether all that was there then is here now, and of the same type.
void check_shape(const json& recorded, const json& ours, const std::string& where) {
  INFO(where << ": recorded " << recorded.dump() << ", ours " << ours.dump());
  if (recorded == "any") return;
  if (recorded.is_string()) {
    CHECK(type_of(ours) == recorded);
    return;
  }
  if (recorded.is_array()) {
    CHECK(ours.is_array());
    if (recorded.empty() || !ours.is_array()) return;
    json all = json::object();
    for (const auto& row : ours)
      if (row.is_object()) all.update(row);
    check_shape(recorded[0], all, where + "/*");
    return;
  }
  CHECK(ours.is_object());
  if (!ours.is_object()) return;
  for (const auto& [key, shape] : recorded.items()) {
    INFO("key " << key);
    CHECK(ours.contains(key));
    if (ours.contains(key)) check_shape(shape, ours[key], where + "/" + key);
  }
}

void Replay::check_task(const json& recorded, const std::string& upid) {
  for (int second = 0; second < 120 && stand_in_.tasks().find(upid)->is_running; ++second)
    stand_in_.advance(Duration{1'000});
  const Task& task = *stand_in_.tasks().find(upid);
  CHECK(task.exit == recorded["exit"]);
}

bool Replay::play(const json& recorded) {
  if (not_played.contains(recorded["line"])) return false;
  const auto answer = stand_in_.answer(request_of(recorded));
  if (answer.status == 501 && recorded["status"] != 501) return false;
  INFO("line " << recorded["line"] << " " << recorded["request"] << " "
               << recorded.value("body", "") << "\n  -> " << answer.status << " " << answer.body);
  CHECK(answer.status == recorded["status"]);
  const json ours = json::parse(answer.body, nullptr, false);
  if (recorded.contains("text")) {
    CHECK(ours.is_discarded());
    CHECK(answer.body.empty() != recorded["text"]);
    return true;
  }
  CHECK_FALSE(ours.is_discarded());
  if (ours.is_discarded() || answer.status != recorded["status"]) return true;
  if (recorded.contains("message")) {
    CHECK(ours["data"].is_null());
    CHECK(ours.value("message", "") == recorded["message"]);
    CHECK(ours.value("errors", json::object()) == recorded.value("errors", json::object()));
    return true;
  }
  CHECK(ours.contains("data"));
  if (!recorded["shape"].is_null()) check_shape(recorded["shape"], ours["data"], "data");
  CHECK(ours.contains("total") == recorded.value("total", ours.contains("total")));
  if (!recorded.contains("upid")) return true;
  if (!ours["data"].is_string()) return true;
  const std::string upid = ours["data"];
  CHECK(matches("UPID:pve1:[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:[a-z]+:[^:]*:[^:]+:", upid));
  const auto kind = [](const std::string& text) { return text.substr(text.find(':', 35)); };
  CHECK(kind(upid) == kind(recorded["upid"]));
  known_[recorded["upid"]] = upid;
  if (recorded.contains("exit")) check_task(recorded, upid);
  return true;
}

TEST_CASE("proxmox: what was recorded on a real host is answered alike", "[proxmox]") {
  std::ifstream file{HOLDFAST_PROXMOX_RECORDING};
  REQUIRE(file);
  Replay replay;
  int covered = 0;
  std::vector<std::string> others;
  for (std::string line; std::getline(file, line);) {
    const json recorded = json::parse(line);
    if (recorded.contains("scene")) {
      replay.set_scene(recorded["scene"]);
      continue;
    }
    if (replay.play(recorded)) {
      ++covered;
      continue;
    }
    const auto why = not_played.find(recorded["line"]);
    others.push_back("line " + recorded["line"].dump() + ": " +
                     recorded["request"].get<std::string>() +
                     (why == not_played.end() ? "" : " (" + why->second + ")"));
  }
  std::cout << "recorded exchanges: " << covered << " answered alike, " << others.size()
            << " not played\n";
  for (const auto& other : others) std::cout << "  not played: " << other << "\n";
  CHECK(covered >= 230);
}

}  // namespace
}  // namespace holdfast::standin
