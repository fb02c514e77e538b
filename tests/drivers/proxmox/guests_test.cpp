// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "tests/drivers/proxmox/guests_site.hpp"

using namespace holdfast;
using namespace holdfast::test;

namespace {

void check_requests(GuestsOnProxmox& host) {
  for (const auto& violation : host.site.stand_in.violations())
    FAIL_CHECK(standin::to_string(violation));
}

}  // namespace

TEST_CASE("proxmox guests: a spec that Proxmox cannot have is refused before anything is done",
          "[proxmox]") {
  GuestsOnProxmox host;
  host.site.add_image(standin::GuestKind::lxc);
  const Guest plain = tenant("acme");
  const std::size_t wish = GENERATE(0U, 1U, 2U, 3U);
  const std::array<std::string, 4> fields{"bootstrap.userData", "limits", "interface",
                                          "bootstrap.networkConfig"};
  Guest wanted = plain;
  if (wish == 0) wanted.spec.bootstrap.user_data = "#cloud-config\n";
  if (wish == 1) wanted.spec.limits.io_read_bps = mebibytes(10);
  if (wish == 2) wanted.spec.interfaces.front().kind = Interface::Kind::network;
  if (wish == 3) wanted.spec.bootstrap.network_config = "{}";
  static_cast<void>(host.want(wanted));
  CHECK(host.condition("acme", "Blocked").reason == "NotSupported");
  CHECK(host.condition("acme", "Blocked").message.find(fields.at(wish)) != std::string::npos);
  CHECK(host.world().guests.empty());

  REQUIRE(host.want(plain));
  CHECK(host.at_host("acme") != nullptr);
  static_cast<void>(host.want(wanted));
  CHECK(host.condition("acme", "Blocked").reason == "NotSupported");
  check_requests(host);
}

TEST_CASE("proxmox guests: a whole life, from a golden archive to its end", "[proxmox]") {
  const auto kind = GENERATE(standin::GuestKind::lxc, standin::GuestKind::qemu);
  const auto version = GENERATE(standin::Version::v8_4, standin::Version::v9_1);
  CAPTURE(standin::to_string(kind), standin::to_string(version));
  const bool is_container = kind == standin::GuestKind::lxc;
  const std::string root = is_container ? "rootfs" : "scsi0";
  const std::string volume = is_container ? "mp0" : "scsi1";
  GuestsOnProxmox host{version};
  host.site.add_image(kind);
  Guest acme = tenant("acme");
  REQUIRE(host.want(acme));
  INFO(host.last_error);
  standin::Guest* guest = host.at_host("acme");
  REQUIRE(guest != nullptr);
  const int vmid = guest->vmid;
  CHECK(guest->power == standin::PowerState::running);
  CHECK(host.world().content_of(vmid, root) == "golden root");
  CHECK(guest->config[root].find("size=2G") != std::string::npos);
  CHECK(guest->config[volume].find("size=1G") != std::string::npos);
  CHECK(guest->config["net0"].find("BC:24:11:00:00:01") == std::string::npos);
  CHECK(host.condition("acme", "Ready").status == ConditionStatus::yes);
  if (is_container) CHECK(guest->config["features"] == "nesting=1,keyctl=1");
  host.world().write_content(vmid, root, "customer data");
  host.world().write_content(vmid, volume, "their database");

  acme.spec.cpus = 4;
  acme.spec.memory = mebibytes(1024);
  acme.spec.root_disk.size = gibibytes(3);
  Volume media = acme.spec.volumes.front();
  media.name = "media";
  media.cls = VolumeClass::bulk;
  acme.spec.volumes.push_back(media);
  REQUIRE(host.want(acme));
  CHECK(guest->config[root].find("size=3G") != std::string::npos);
  CHECK(guest->config[is_container ? "mp1" : "scsi2"].find("backup=0") != std::string::npos);
  CHECK(host.condition("acme", "Blocked").status == ConditionStatus::no);

  acme.spec.power = Power::stopped;
  REQUIRE(host.want(acme));
  CHECK(guest->power == standin::PowerState::stopped);
  CHECK(guest->config["memory"] == "1024");
  CHECK(guest->config["cores"] == "4");

  const auto destroy = host.sign(gate::Verb::destroy_guest, *host.identity("acme"));
  REQUIRE(host.order([&](auto& guests) { return bool{guests.begin_destroy("acme", destroy)}; }));
  REQUIRE(host.settle("acme"));
  CHECK(host.at_host("acme") == nullptr);
  CHECK(guest->config.count("net0") == 0);
  CHECK(host.world().content_of(vmid, root) == "customer data");

  REQUIRE(host.order([&](auto& guests) { return bool{guests.begin_undelete("acme")}; }));
  REQUIRE(host.settle("acme"));
  CHECK(host.at_host("acme") == guest);
  CHECK(guest->config.count("net0") == 1);

  const auto again = host.sign(gate::Verb::destroy_guest, *host.identity("acme"));
  REQUIRE(host.order([&](auto& guests) { return bool{guests.begin_destroy("acme", again)}; }));
  REQUIRE(host.settle("acme"));
  host.desk.drop("acme");
  host.site.stand_in.advance(std::chrono::hours{24 * 8});
  REQUIRE(host.settle("acme"));
  CHECK(host.world().guests.empty());
  CHECK(host.world().volumes_of(vmid).empty());
  CHECK_FALSE(host.identity("acme"));
  check_requests(host);
}

TEST_CASE("proxmox guests: a machine has a cloud-init drive of its own, which tells it its name",
          "[proxmox]") {
  const auto version = GENERATE(standin::Version::v8_4, standin::Version::v9_1);
  GuestsOnProxmox host{version};
  host.site.add_image(standin::GuestKind::qemu, "debian-12 1",
                      {{"ide2", "local:9100/vm-9100-cloudinit.qcow2,media=cdrom"},
                       {"ciuser", "anna"},
                       {"ipconfig0", "ip=dhcp"}});
  const auto seeds = [&] {
    std::vector<int> vmids;
    for (const auto& [id, volume] : host.world().volumes)
      if (id.find("cloudinit") != std::string::npos) vmids.push_back(volume.vmid);
    return vmids;
  };
  REQUIRE(host.want(tenant("acme")));
  standin::Guest* guest = host.at_host("acme");
  REQUIRE(guest != nullptr);
  CHECK(guest->power == standin::PowerState::running);
  CHECK(guest->config["name"] == "acme");
  CHECK(guest->config["ciuser"] == "anna");
  CHECK(guest->config["ipconfig0"] == "ip=dhcp");
  CHECK(guest->config["ide2"].find("vm-" + std::to_string(guest->vmid) + "-cloudinit") !=
        std::string::npos);
  CHECK(seeds() == std::vector<int>{guest->vmid});
  CHECK(host.condition("acme", "Ready").status == ConditionStatus::yes);

  Guest larger = tenant("acme");
  larger.spec.memory = mebibytes(768);
  REQUIRE(host.want(larger));  // nothing of the drive is taken for a disk of ours
  CHECK(host.condition("acme", "Blocked").status != ConditionStatus::yes);
  CHECK(seeds() == std::vector<int>{guest->vmid});
  check_requests(host);
}

TEST_CASE("proxmox guests: a paused machine is changed and grown like a running one", "[proxmox]") {
  GuestsOnProxmox host;
  host.site.add_image(standin::GuestKind::qemu);
  Guest acme = tenant("acme");
  acme.spec.power = Power::suspended;
  REQUIRE(host.want(acme));
  standin::Guest* guest = host.at_host("acme");
  REQUIRE(guest != nullptr);
  REQUIRE(guest->power == standin::PowerState::paused);
  acme.spec.root_disk.size = gibibytes(3);
  acme.spec.interfaces.push_back({"second", Interface::Kind::bridge, "vmbr0", "virtio"});
  REQUIRE(host.want(acme));
  INFO(host.last_error);
  CHECK(guest->config["scsi0"].find("size=3G") != std::string::npos);
  CHECK(guest->config.count("net1") == 1);
  CHECK(guest->power == standin::PowerState::paused);
  acme.spec.power = Power::running;
  REQUIRE(host.want(acme));
  CHECK(guest->power == standin::PowerState::running);
  CHECK(host.journal->unfinished().value().empty());
  check_requests(host);
}
