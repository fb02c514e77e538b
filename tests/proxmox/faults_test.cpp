// SPDX-License-Identifier: Apache-2.0
#include <stdexcept>

#include "tests/proxmox/stand_in_fixture.hpp"

namespace holdfast::standin {
namespace {

using Kind = Fault::Kind;

struct OneGuest : Host {
  OneGuest() { stand_in.world().add_guest(GuestKind::lxc, 100, {{"rootfs", "local:1"}}, "mine"); }
  std::string memory() { return stand_in.world().find_guest(100)->config.at("memory"); }
};
const std::string config = "/nodes/pve1/lxc/100/config";

TEST_CASE("proxmox: answers are lost before or after the effect", "[proxmox]") {
  OneGuest host;
  host.stand_in.add_fault({.kind = Kind::lost_before, .call = 1});
  host.stand_in.add_fault({.kind = Kind::lost_after, .call = 2});
  CHECK(host.send("PUT", config, "memory=64").status == 0);
  CHECK(host.memory() == "512");
  CHECK(host.send("PUT", config, "memory=64").status == 0);
  CHECK(host.memory() == "64");
  CHECK(host.send("PUT", config, "memory=128").status == 200);
  http::Request request{.path = "/version"};
  host.stand_in.add_fault({.kind = Kind::lost_after, .path = "/version"});
  const auto lost = host.stand_in.request(request);
  REQUIRE_FALSE(lost);
  CHECK(lost.error().code() == Errc::unavailable);
}

TEST_CASE("proxmox: the proxy fails with 595, 596 and 5xx", "[proxmox]") {
  OneGuest host;
  host.stand_in.add_fault({.kind = Kind::connection_refused, .method = "PUT", .times = 2});
  for (int i = 0; i < 2; ++i) {
    const auto refused = host.send("PUT", config, "memory=64");
    CHECK(refused.status == 595);
    CHECK(refused.body.empty());
  }
  CHECK(host.memory() == "512");
  host.stand_in.add_fault({.kind = Kind::timed_out, .method = "PUT", .has_effect = true});
  CHECK(host.send("PUT", config, "memory=64").status == 596);
  CHECK(host.memory() == "64");
  host.stand_in.add_fault({.kind = Kind::status,
                           .path = "/storage/",
                           .status = 500,
                           .text = "can't lock file '/var/lock/x' - got timeout"});
  CHECK(host.message("GET", "/nodes/pve1/storage/local/content") ==
        "can't lock file '/var/lock/x' - got timeout\n");
  CHECK(host.send("GET", "/nodes/pve1/storage/local/content").status == 200);
}

TEST_CASE("proxmox: workers die before their effect or after it", "[proxmox]") {
  OneGuest host;
  const std::string start = "/nodes/pve1/lxc/100/status/start";
  host.stand_in.add_fault({.kind = Kind::task_dies_early, .path = "status/start"});
  CHECK(host.run("POST", start) == "unexpected status");
  CHECK(host.data("GET", "/nodes/pve1/lxc/100/status/current")["status"] == "stopped");
  host.stand_in.add_fault({.kind = Kind::task_fails, .path = "status/start", .text = "no cgroup"});
  CHECK(host.run("POST", start) == "no cgroup");
  host.stand_in.add_fault({.kind = Kind::task_dies_late, .path = "status/start"});
  CHECK(host.run("POST", start) == "unexpected status");
  CHECK(host.data("GET", "/nodes/pve1/lxc/100/status/current")["status"] == "running");
}

TEST_CASE("proxmox: lists lag, and may be stale on demand", "[proxmox]") {
  OneGuest host;
  const std::string resources = "/cluster/resources?type=vm";
  CHECK(host.data("GET", resources)[0]["status"] == "stopped");
  CHECK(host.run("POST", "/nodes/pve1/lxc/100/status/start") == "OK");
  CHECK(host.data("GET", resources)[0]["status"] == "stopped");
  CHECK(host.data("GET", "/nodes/pve1/lxc")[0]["status"] == "running");
  host.stand_in.advance(Duration{10'000});
  CHECK(host.data("GET", resources)[0]["status"] == "running");

  host.stand_in.world().add_guest(GuestKind::lxc, 101, {{"rootfs", "local:1"}}, "");
  host.stand_in.add_fault({.kind = Kind::stale, .path = "/cluster/resources"});
  CHECK(host.data("GET", resources).size() == 1);
  CHECK(host.data("GET", resources).size() == 2);
  host.stand_in.add_fault({.kind = Kind::stale, .path = "/qemu"});
  CHECK(host.data("GET", "/nodes/pve1/qemu").empty());
}

TEST_CASE("proxmox: a stranger takes over a number between two requests", "[proxmox]") {
  OneGuest host;
  const auto birth = host.stand_in.world().find_guest(100)->birth;
  const auto before = host.data("GET", config);
  host.stand_in.add_fault({.kind = Kind::stranger, .method = "PUT", .vmid = 100});
  CHECK(host.message("PUT", config, "memory=64&digest=" + before["digest"].get<std::string>())
            .starts_with("detected modified configuration"));
  CHECK(host.stand_in.world().find_guest(100)->birth != birth);
  CHECK(host.stand_in.world().content_of(100, "rootfs") == "a stranger's data");
}

TEST_CASE("proxmox: a worker touches the guest it was forked for, and no other", "[proxmox]") {
  const bool starts = GENERATE(true, false);
  OneGuest host;
  const std::string guest = "/nodes/pve1/lxc/100";
  const std::string upid =
      starts ? host.data("POST", guest + "/status/start") : host.data("DELETE", guest);
  host.stand_in.world().replace_by_stranger(100, GuestKind::lxc);
  host.stand_in.let_tasks_end();
  CHECK(host.stand_in.tasks().find(upid)->exit ==
        "Configuration file 'nodes/pve1/lxc/100.conf' does not exist");
  REQUIRE(host.stand_in.world().find_guest(100) != nullptr);
  CHECK(host.stand_in.world().find_guest(100)->power == PowerState::stopped);
}

TEST_CASE("proxmox: somebody's lock stays until it is taken away", "[proxmox]") {
  OneGuest host;
  host.stand_in.add_fault(
      {.kind = Kind::locked, .path = "status/start", .text = "migrate", .vmid = 100});
  CHECK(host.run("POST", "/nodes/pve1/lxc/100/status/start") == "CT is locked (migrate)");
  CHECK(host.message("PUT", config, "memory=64") == "CT is locked (migrate)\n");
  CHECK(host.data("GET", "/cluster/resources?type=vm")[0]["lock"] == "migrate");
}

TEST_CASE("proxmox: a process can die around each request", "[proxmox]") {
  OneGuest host;
  host.stand_in.before = [](std::uint64_t call, const http::Request&) {
    if (call == 1) throw std::runtime_error{"dead"};
  };
  CHECK_THROWS(host.send("PUT", config, "memory=64"));
  CHECK(host.memory() == "512");
  host.stand_in.after = [](std::uint64_t call, const http::Request&) {
    if (call == 2) throw std::runtime_error{"dead"};
  };
  CHECK_THROWS(host.send("PUT", config, "memory=64"));
  CHECK(host.memory() == "64");
  CHECK(host.stand_in.calls() == 2);
  CHECK(host.stand_in.calls_by_endpoint().at("PUT /nodes/{node}/lxc/{vmid}/config") == 1);
}

TEST_CASE("proxmox: only one backup job runs at a time", "[proxmox]") {
  OneGuest host;
  host.stand_in.world().add_guest(GuestKind::lxc, 101, {{"rootfs", "local:1"}}, "");
  const auto first = host.data("POST", "/nodes/pve1/vzdump", "vmid=100&storage=local");
  const auto second = host.data("POST", "/nodes/pve1/vzdump", "vmid=101&storage=local");
  const auto status = [&](const nlohmann::json& upid) {
    return host.data("GET", "/nodes/pve1/tasks/" + upid.get<std::string>() + "/status");
  };
  host.stand_in.advance(Duration{6'000});
  CHECK(status(first)["exitstatus"] == "OK");
  CHECK(status(second)["status"] == "running");
  host.data("DELETE", "/nodes/pve1/tasks/" + second.get<std::string>());
  CHECK(status(second)["exitstatus"] == "job errors");
  CHECK_FALSE(host.stand_in.world().find_guest(101)->config.contains("lock"));
}

}  // namespace
}  // namespace holdfast::standin
