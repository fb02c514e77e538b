// SPDX-License-Identifier: Apache-2.0
// Who may ask what, and in which form.
#include <cstdlib>
#include <iostream>

#include "tests/proxmox/api_table.hpp"
#include "tests/proxmox/call.hpp"
#include "tests/proxmox/request_parameters.hpp"
#include "tests/proxmox/stand_in_fixture.hpp"
#include "tests/proxmox/value_checks.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

TEST_CASE("proxmox: forms are split as the real one splits them", "[proxmox]") {
  CHECK(decode_form("size=+1G").at("size").text == " 1G");
  CHECK(decode_form("size=%2B1G").at("size").text == "+1G");
  CHECK(decode_form("tags=a;b").contains("b"));
  CHECK(decode_form("keep=keep-last=3").at("keep").text == "keep-last");
  CHECK(decode_form("command=ls&command=-l").at("command").text == std::string{"ls\0-l", 5});
}

TEST_CASE("proxmox: parameters are judged by both schemas, whatever the version", "[proxmox]") {
  Host host;
  host.stand_in.world().add_guest(GuestKind::lxc, 100, {{"rootfs", "local:1"}}, "");
  // Only 9.1 has it, and this is 8.4.
  const auto answer = host.send("PUT", "/nodes/pve1/lxc/100/config", "entrypoint=/sbin/init");
  CHECK(answer.status == 400);
  REQUIRE(host.stand_in.violations().size() == 1);
  CHECK(host.stand_in.violations()[0].version == Version::v8_4);
  CHECK(host.stand_in.violations()[0].parameter == "entrypoint");
  CHECK(to_string(host.stand_in.violations()[0])
            .starts_with("call 1, schema 8.4: PUT /nodes/pve1/lxc/100/config [entrypoint]: "));
  Host newer{{.version = Version::v9_1}};
  newer.stand_in.world().add_guest(GuestKind::lxc, 100, {{"rootfs", "local:1"}}, "");
  CHECK(newer.send("PUT", "/nodes/pve1/lxc/100/config", "entrypoint=/sbin/init").status == 200);
  CHECK(newer.stand_in.violations().size() == 1);
}

TEST_CASE("proxmox: requests without a method, path or body of the API are noted", "[proxmox]") {
  Host host;
  CHECK(host.send("PATCH", "/version").status == 501);
  CHECK(host.send("GET", "/nodes/pve1/nosuch").status == 501);
  CHECK(host.send("DELETE", "/nodes/pve1/lxc/100", "purge=1").status == 501);
  CHECK(host.send("POST", "/nodes/pve1/storage/local/upload", "content=iso").status == 501);
  CHECK(host.stand_in.violations().size() == 8);
}

TEST_CASE("proxmox: values are checked as the schema says", "[proxmox]") {
  struct Case {
    const char* body;
    const char* parameter;
    const char* fault;
  };
  const auto wrong = GENERATE(
      Case{"memory=15", "memory", "value must have a minimum value of 16"},
      Case{"cores=9000", "cores", "value must have a maximum value of 8192"},
      Case{"cores=two", "cores", "type check ('integer') failed - got 'two'"},
      Case{"onboot=yes", "onboot", "type check ('boolean') failed - got 'yes'"},
      Case{"ostype=beos", "ostype", "value 'beos' does not have a value in the enumeration"},
      Case{"hostname=a_b", "hostname", "invalid format - value does not look like a valid DNS"},
      Case{"mp256=local:1%2Cmp%3D/x", "mp256", "property is not defined in schema"},
      Case{"net0=bridge%3Dvmbr0", "net0",
           "invalid format - format error\nname: property is missing"},
      Case{"net0=name%3Deth0%2Cspeed%3D1", "net0",
           "invalid format - format error\nspeed: property"},
      Case{"net0=name%3Deth0%2Chwaddr%3DBC", "net0", "invalid format - format error\nhwaddr: "},
      Case{"digest=0123456789012345678901234567890123456789x", "digest", "value may only be 40"});
  Host host;
  host.stand_in.world().add_guest(GuestKind::lxc, 100, {{"rootfs", "local:1"}}, "");
  const auto answer = host.send("PUT", "/nodes/pve1/lxc/100/config", wrong.body);
  INFO(wrong.body << " -> " << answer.body);
  REQUIRE(answer.status == 400);
  const auto errors = json::parse(answer.body)["errors"];
  REQUIRE(errors.contains(wrong.parameter));
  CHECK(errors[wrong.parameter].get<std::string>().starts_with(wrong.fault));
}

TEST_CASE("proxmox: tokens are told apart, and no further than they may", "[proxmox]") {
  Host host;
  const auto right = host.authorization;
  const auto exchange = [&](const std::string& authorization) {
    http::Request request{.path = "/version"};
    request.headers["Authorization"] = authorization;
    return host.stand_in.exchange(request);
  };
  CHECK(exchange(right).response.status == 200);
  std::string spaced = right;
  spaced[11] = ' ';
  CHECK(exchange(spaced).response.status == 200);
  for (const auto& [authorization, reason] :
       std::map<std::string, std::string>{{right + "0", "Authentication failed!"},
                                          {"", "No ticket"},
                                          {"Bearer x", "No ticket"},
                                          {"pveapitoken" + right.substr(11), "No ticket"}}) {
    const auto refused = exchange(authorization);
    CHECK(refused.response.status == 401);
    CHECK(refused.reason == reason);
    CHECK(refused.response.body.empty());
    CHECK(refused.delay == Duration{3'000});
    CHECK(refused.closes);
  }
}

TEST_CASE("proxmox: a separated token may what it and its user both may", "[proxmox]") {
  Host host;
  auto& access = host.stand_in.world().access;
  host.stand_in.world().add_guest(GuestKind::lxc, 100, {{"rootfs", "local:1"}}, "");
  const std::string status = "/nodes/pve1/lxc/100/status/current";
  CHECK(host.send("GET", status).status == 200);
  // Said before it is known whether there is such a guest.
  access.grant("agent@pve!holdfast", "/vms/101", {});
  CHECK(host.message("GET", "/nodes/pve1/lxc/101/status/current") ==
        "Permission check failed (/vms/101, VM.Audit)\n");
  access.revoke("agent@pve", "/");
  CHECK(host.message("GET", status) == "Permission check failed (/vms/100, VM.Audit)\n");
  CHECK(host.data("GET", "/cluster/resources?type=vm").empty());
  CHECK(host.data("GET", "/access/permissions").empty());
}

TEST_CASE("proxmox: rights on a pool are rights on its guests", "[proxmox]") {
  Host host;
  auto& pooled = host.stand_in.world();
  pooled.pools.insert("ours");
  pooled.add_template("local", "a.tar.gz", "root");
  for (const auto* subject : {"agent@pve", "agent@pve!holdfast"}) {
    pooled.access.revoke(subject, "/");
    pooled.access.grant(subject, "/pool/ours", agent_role(Version::v8_4));
    pooled.access.grant(subject, "/storage/local", {"Datastore.AllocateSpace", "Datastore.Audit"});
  }
  const std::string make = "ostemplate=local:vztmpl/a.tar.gz&unprivileged=1&rootfs=local:1&vmid=";
  CHECK(host.send("POST", "/nodes/pve1/lxc", make + "200").status == 403);
  const std::string upid = host.data("POST", "/nodes/pve1/lxc", make + "200&pool=ours");
  host.stand_in.let_tasks_end();
  CHECK(host.stand_in.tasks().find(upid)->exit == "OK");
  CHECK(host.data("GET", "/cluster/resources?type=vm")[0]["pool"] == "ours");
  host.data("PUT", "/nodes/pve1/lxc/200/config", "memory=64");
  // A stranger under the number is in no pool of ours.
  pooled.replace_by_stranger(200, GuestKind::lxc);
  CHECK(host.send("PUT", "/nodes/pve1/lxc/200/config", "memory=64").status == 403);
  CHECK(host.send("POST", "/nodes/pve1/lxc", make + "201&pool=nosuch").status >= 400);
}

TEST_CASE("proxmox: what no token may", "[proxmox]") {
  Host host;
  host.stand_in.world().add_guest(GuestKind::lxc, 100,
                                  {{"rootfs", "local:1"}, {"unprivileged", "1"}}, "");
  host.stand_in.world().add_guest(GuestKind::qemu, 300, {{"scsi0", "local:1"}}, "");
  const auto put = [&](const std::string& guest, const std::string& body) {
    return host.send("PUT", "/nodes/pve1/" + guest + "/config", body).status;
  };
  CHECK(put("lxc/100", "features=nesting%3D1%2Ckeyctl%3D1") == 403);
  CHECK(put("lxc/100", "mp0=/srv%2Cmp%3D/srv") == 403);
  CHECK(put("lxc/100", "features=nesting%3D1") == 200);
  CHECK(put("qemu/300", "args=-foo") == 500);
  CHECK(put("qemu/300", "lock=backup") == 500);
  CHECK(host.send("POST", "/nodes/pve1/lxc/100/status/start", "skiplock=1").status == 400);
  CHECK(host.send("POST", "/nodes/pve1/vzdump", "vmid=100&storage=local&script=/x").status == 400);
}

TEST_CASE("proxmox: the agent's role is enough on both versions, and nothing less is",
          "[proxmox]") {
  const auto version = GENERATE(Version::v8_4, Version::v9_1);
  for (const auto& privilege : agent_role(version))
    CHECK(all_privileges(version).contains(privilege));
}

TEST_CASE("proxmox: the table of the API is what the schemas say", "[proxmox]") {
  const char* schemas = std::getenv("HOLDFAST_PROXMOX_SCHEMAS");
  if (schemas == nullptr) {
    std::cout << "skipped: HOLDFAST_PROXMOX_SCHEMAS does not name a folder with pve-api-8.4.json "
                 "and pve-api-9.1.json\n";
    SUCCEED();
    return;
  }
  const std::string folder = schemas;
  const std::string command = std::string{"python3 "} + HOLDFAST_SOURCE_DIR +
                              "/tools/derive_proxmox_table.py --check " + HOLDFAST_PROXMOX_TABLE +
                              " 8.4=" + folder + "/pve-api-8.4.json 9.1=" + folder +
                              "/pve-api-9.1.json";
  // NOLINTNEXTLINE(cert-env33-c): the folder is the developer's own
  CHECK(std::system(command.c_str()) == 0);
}

TEST_CASE("proxmox: each endpoint of the table is played or named", "[proxmox]") {
  const auto& endpoints = ApiTable::committed().endpoints();
  CHECK(endpoints.size() > 60);
  for (const auto& endpoint : endpoints)
    if (find_handler(endpoint.method, endpoint.path) == nullptr)
      CHECK(endpoint.path == "/nodes/{node}/storage/{storage}/upload");
}

}  // namespace
}  // namespace holdfast::standin
