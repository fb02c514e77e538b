// SPDX-License-Identifier: Apache-2.0
// The ways in which a restore loses data, as measured on a real host: whoever relies on these
// answers must meet them here.
#include "tests/proxmox/stand_in_fixture.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

// A container with a disk that backups take and one that they do not, and its backup.
struct ContainerHost : Host {
  ContainerHost() {
    stand_in.world().add_guest(
        GuestKind::lxc, 200,
        {{"unprivileged", "1"},
         {"net0", "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:09,type=veth"},
         {"rootfs", "local:1"},
         {"mp0", "local:2,mp=/media,backup=0"},
         {"mp1", "local:1,mp=/db,backup=1"}},
        "");
    write("rootfs", "old root");
    write("mp0", "old media");
    write("mp1", "old db");
    CHECK(run("POST", "/nodes/pve1/vzdump", "vmid=200&storage=local") == "OK");
    archive = stand_in.world().volumes_of(200, "backup").at(0)->id;
    write("rootfs", "new root");
    write("mp0", "new media");
    write("mp1", "new db");
  }
  void write(const std::string& key, const std::string& content) {
    stand_in.world().write_content(200, key, content);
  }
  std::string content(int vmid, const std::string& key) {
    return stand_in.world().content_of(vmid, key).value_or("(none)");
  }
  std::string restore(int vmid, const std::string& more) {
    return run("POST", "/nodes/pve1/lxc",
               "vmid=" + std::to_string(vmid) + "&restore=1&ostemplate=" + archive + more);
  }
  std::string archive{};
};

TEST_CASE("proxmox: a container restored in place loses what its backup leaves out", "[proxmox]") {
  ContainerHost host;
  auto& world = host.stand_in.world();
  const auto aside = world.allocate("local", 200, GuestKind::lxc, "raw", 1 << 30).id;
  world.find_guest(200)->config["unused0"] = aside;
  CHECK(host.restore(200, "&force=1") == "OK");
  CHECK(host.content(200, "rootfs") == "old root");
  CHECK(host.content(200, "mp1") == "old db");
  CHECK(host.content(200, "mp0").empty());
  CHECK(world.volumes_of(200, "rootdir").size() == 3);
  CHECK(world.find_volume(aside) == nullptr);
}

TEST_CASE("proxmox: a container restored as another has the left out disks empty", "[proxmox]") {
  ContainerHost host;
  CHECK(host.restore(201, "") == "OK");
  CHECK(host.content(201, "rootfs") == "old root");
  CHECK(host.content(201, "mp0").empty());
  CHECK(host.content(200, "mp0") == "new media");
  const auto config = host.data("GET", "/nodes/pve1/lxc/201/config");
  CHECK(config["mp0"] == "local:201/vm-201-disk-1.raw,mp=/media,backup=0,size=2G");
  CHECK(config["net0"] == "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:09,type=veth");
}

TEST_CASE("proxmox: a restore that names disks makes these only", "[proxmox]") {
  ContainerHost host;
  CHECK(host.restore(201, "&mp1=local:1%2Cmp%3D/db").starts_with("unable to restore CT 201 - "));
  CHECK_FALSE(host.stand_in.world().guests.contains(201));
  CHECK(host.restore(201, "&rootfs=local:1") == "OK");
  CHECK(host.content(201, "rootfs") == "old root\n/db: old db");
  CHECK_FALSE(host.data("GET", "/nodes/pve1/lxc/201/config").contains("mp1"));
}

TEST_CASE("proxmox: unique draws addresses and forgets the request's", "[proxmox]") {
  ContainerHost host;
  const std::string net = "&net0=name%3Deth0%2Cbridge%3Dvmbr0%2Clink_down%3D1";
  CHECK(host.restore(201, "&unique=1" + net) == "OK");
  const std::string drawn = host.data("GET", "/nodes/pve1/lxc/201/config")["net0"];
  CHECK(drawn.find("link_down") == std::string::npos);
  CHECK(drawn.find("BC:24:11:00:00:09") == std::string::npos);
  CHECK(host.restore(202, net) == "OK");
  const std::string isolated = host.data("GET", "/nodes/pve1/lxc/202/config")["net0"];
  CHECK(isolated.find("link_down=1") != std::string::npos);
  CHECK(isolated.find("BC:24:11:00:00:09") == std::string::npos);
}

TEST_CASE("proxmox: a restore over a guest is refused while it runs or is protected", "[proxmox]") {
  ContainerHost host;
  const std::string over = "vmid=200&restore=1&force=1&storage=local&ostemplate=" + host.archive;
  CHECK(host.run("POST", "/nodes/pve1/lxc/200/status/start") == "OK");
  CHECK(host.send("POST", "/nodes/pve1/lxc", over).status == 500);
  CHECK(host.run("POST", "/nodes/pve1/lxc/200/status/stop") == "OK");
  host.data("PUT", "/nodes/pve1/lxc/200/config", "protection=1");
  CHECK(host.send("POST", "/nodes/pve1/lxc", over).status == 500);
  CHECK(host.content(200, "mp0") == "new media");
}

TEST_CASE("proxmox: a restore is a worker that dies with its lock", "[proxmox]") {
  ContainerHost host;
  host.stand_in.add_fault({.kind = Fault::Kind::task_dies_early, .method = "POST", .path = "/lxc"});
  CHECK(host.restore(201, "") == "unexpected status");
  CHECK(host.data("GET", "/nodes/pve1/lxc/201/config")["lock"] == "create");
  CHECK(host.message("PUT", "/nodes/pve1/lxc/201/config", "memory=64") ==
        "CT is locked (create)\n");
  CHECK(host.message("DELETE", "/nodes/pve1/lxc/201") == "CT is locked (create)\n");
  CHECK(host.message("PUT", "/nodes/pve1/lxc/201/config", "delete=lock") ==
        "CT is locked (create)\n");
}

TEST_CASE("proxmox: a machine restored in place keeps what its backup leaves out", "[proxmox]") {
  Host host;
  auto& world = host.stand_in.world();
  world.add_guest(GuestKind::qemu, 300,
                  {{"memory", "64"}, {"scsi0", "local:1"}, {"scsi1", "local:1,backup=0"}}, "");
  world.write_content(300, "scsi0", "old");
  world.write_content(300, "scsi1", "kept");
  CHECK(host.run("POST", "/nodes/pve1/vzdump", "vmid=300&storage=local") == "OK");
  const auto archive = world.volumes_of(300, "backup").at(0)->id;
  world.write_content(300, "scsi0", "new");
  CHECK(host.run("POST", "/nodes/pve1/qemu", "vmid=300&force=1&storage=local&archive=" + archive) ==
        "OK");
  CHECK(world.content_of(300, "scsi0") == "old");
  CHECK(world.content_of(300, "unused0") == "kept");
  const auto config = host.data("GET", "/nodes/pve1/qemu/300/config");
  CHECK_FALSE(config.contains("scsi1"));
  CHECK(config["description"] == "scsi1: local:300/vm-300-disk-1.qcow2,backup=0,size=1G");
  CHECK(host.send("POST", "/nodes/pve1/qemu", "vmid=301&scsi0=local:1&archive=" + archive).status ==
        400);
}

TEST_CASE("proxmox: a volume parked at another guest outlives a restore", "[proxmox]") {
  ContainerHost host;
  auto& world = host.stand_in.world();
  world.add_guest(GuestKind::lxc, 210, {{"rootfs", "local:1"}}, "parking");
  CHECK(host.run("POST", "/nodes/pve1/lxc/200/move_volume",
                 "volume=mp0&target-vmid=210&target-volume=unused0") == "OK");
  CHECK(host.restore(200, "&force=1") == "OK");
  CHECK(world.content_of(210, "unused0") == "new media");
  CHECK(host.run("POST", "/nodes/pve1/lxc/210/move_volume",
                 "volume=unused0&target-vmid=200&target-volume=unused0") == "OK");
  CHECK(world.content_of(200, "unused0") == "new media");
}

TEST_CASE("proxmox: protected backups stay", "[proxmox]") {
  ContainerHost host;
  const std::string volume = "/nodes/pve1/storage/local/content/" + host.archive;
  host.data("PUT", volume, "protected=1&notes=golden");
  CHECK(host.run("DELETE", volume).starts_with("can't remove protected"));
  host.data("PUT", volume, "protected=0");
  CHECK(host.data("DELETE", volume + "?delay=5").is_null());
  CHECK(host.send("GET", volume).status == 500);
}

}  // namespace
}  // namespace holdfast::standin
