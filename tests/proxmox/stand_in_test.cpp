// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/stand_in.hpp"

#include "tests/proxmox/config_text.hpp"
#include "tests/proxmox/stand_in_fixture.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

// A golden archive of a container, and the request that makes a guest of it.
std::string golden_archive(World& world) {
  return world.add_archive(
      "local", {.kind = GuestKind::lxc,
                .vmid = 9100,
                .config = {{"arch", "amd64"},
                           {"features", "nesting=1,keyctl=1"},
                           {"hostname", "golden"},
                           {"memory", "512"},
                           {"net0", "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,type=veth"},
                           {"rootfs", "local:9100/vm-9100-disk-0.raw,size=2G"},
                           {"unprivileged", "1"}},
                .contents = {{"rootfs", "golden root"}}});
}

TEST_CASE("proxmox: a container is born from a golden archive and lives", "[proxmox]") {
  const auto version = GENERATE(Version::v8_4, Version::v9_1);
  Host host{{.version = version}};
  const auto archive = golden_archive(host.stand_in.world());
  CHECK(host.data("GET", "/version")["release"] == std::string{to_string(version)});
  CHECK(host.run("POST", "/nodes/pve1/lxc",
                 "vmid=200&restore=1&storage=local&unprivileged=1&hostname=acme&ostemplate=" +
                     archive) == "OK");
  auto config = host.data("GET", "/nodes/pve1/lxc/200/config");
  CHECK(config["features"] == "nesting=1,keyctl=1");
  CHECK(config["hostname"] == "acme");
  CHECK(config["memory"] == 512);
  CHECK(host.stand_in.world().content_of(200, "rootfs") == "golden root");

  host.data("PUT", "/nodes/pve1/lxc/200/config",
            "memory=256&description=marker&digest=" + config["digest"].get<std::string>());
  CHECK(host.message("PUT", "/nodes/pve1/lxc/200/config",
                     "memory=128&digest=" + config["digest"].get<std::string>())
            .starts_with("detected modified configuration"));
  config = host.data("GET", "/nodes/pve1/lxc/200/config");
  CHECK(config["description"] == "marker\n");
  CHECK(host.run("PUT", "/nodes/pve1/lxc/200/resize", "disk=rootfs&size=%2B1G") == "OK");
  CHECK(host.run("POST", "/nodes/pve1/lxc/200/status/start") == "OK");
  CHECK(host.message("POST", "/nodes/pve1/lxc/200/status/start") == "CT 200 already running\n");
  host.data("PUT", "/nodes/pve1/lxc/200/config", "nameserver=1.1.1.1");
  const auto pending = host.data("GET", "/nodes/pve1/lxc/200/pending");
  CHECK(std::any_of(pending.begin(), pending.end(), [](const json& row) {
    return row["key"] == "nameserver" && row["pending"] == "1.1.1.1";
  }));
  CHECK(host.run("POST", "/nodes/pve1/lxc/200/status/shutdown") == "OK");
  CHECK(host.run("POST", "/nodes/pve1/vzdump", "vmid=200&storage=local&compress=zstd") == "OK");
  CHECK(host.data("GET", "/nodes/pve1/storage/local/content?content=backup").size() == 2);
  CHECK(host.run("DELETE", "/nodes/pve1/lxc/200?purge=1") == "OK");
  CHECK(host.stand_in.world().volumes_of(200, "rootdir").empty());
  CHECK(host.data("GET", "/nodes/pve1/lxc").empty());
  for (const auto& violation : host.stand_in.violations()) FAIL_CHECK(to_string(violation));
}

TEST_CASE("proxmox: a virtual machine is created, snapshotted, rolled back", "[proxmox]") {
  Host host;
  CHECK(host.run("POST", "/nodes/pve1/qemu",
                 "vmid=300&memory=128&scsihw=virtio-scsi-single&scsi0=local:1%2Cformat%3Dqcow2&"
                 "net0=virtio%2Cbridge%3Dvmbr0&ide2=local:cloudinit") == "OK");
  const auto config = host.data("GET", "/nodes/pve1/qemu/300/config");
  CHECK(config["memory"] == "128");
  CHECK(config["boot"] == "order=scsi0");
  CHECK(config["scsi0"] == "local:300/vm-300-disk-0.qcow2,size=1G");
  CHECK(config["net0"].get<std::string>().starts_with("virtio=BC:24:11:"));
  host.stand_in.world().write_content(300, "scsi0", "before");
  CHECK(host.run("POST", "/nodes/pve1/qemu/300/snapshot", "snapname=safe") == "OK");
  host.stand_in.world().write_content(300, "scsi0", "after");
  CHECK(host.run("POST", "/nodes/pve1/qemu/300/snapshot", "snapname=safe") ==
        "snapshot name 'safe' already used");
  CHECK(host.run("POST", "/nodes/pve1/qemu/300/snapshot/safe/rollback") == "OK");
  CHECK(host.stand_in.world().content_of(300, "scsi0") == "before");
  CHECK(host.run("POST", "/nodes/pve1/qemu/300/status/stop") == "OK");
  CHECK(host.run("POST", "/nodes/pve1/qemu/300/status/start") == "OK");
  CHECK(host.run("POST", "/nodes/pve1/qemu/300/status/suspend") == "OK");
  CHECK(host.data("GET", "/nodes/pve1/qemu/300/status/current")["qmpstatus"] == "paused");
  CHECK(host.run("POST", "/nodes/pve1/qemu/300/status/resume") == "OK");
  CHECK(host.message("DELETE", "/nodes/pve1/qemu/300") == "VM 300 is running - destroy failed\n");
  CHECK(host.stand_in.violations().empty());
}

}  // namespace
}  // namespace holdfast::standin
