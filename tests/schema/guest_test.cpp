// SPDX-License-Identifier: Apache-2.0
#include "schema/guest.hpp"

#include <string>
#include <utility>
#include <vector>

#include "base/sha256.hpp"
#include "tests/catch.hpp"
#include "tests/schema/documents.hpp"

using namespace std::chrono_literals;

namespace holdfast {
namespace {

std::string problem_of(const std::string& more) {
  const auto guest = parse_guest(guest_with(more), "acme.json");
  return guest ? "accepted" : guest.error().message();
}

const char* const whole_guest = R"(
apiVersion: holdfast/v1
kind: Guest
metadata: {name: acme}
spec:
  provider: proxmox
  power: Suspended
  image: {name: debian-12-docker, version: 2026.11.1}
  cpus: 2
  memory: 2Gi
  rootDisk: {size: 16Gi, target: nvme}
  volumes:
    - {name: db, size: 10Gi, class: hot, target: nvme}
    - {name: media, size: 200Gi, class: bulk, target: usb-media, backup: none}
  interfaces: [{bridge: br0}, {network: default, model: e1000}, {user: true, name: out}]
  ports:
    - {protocol: udp, guestPort: 51820, hostPort: auto}
    - {protocol: tcp, guestPort: 80, hostPort: 8080}
  limits: {cpuShares: 1024, ioReadBps: 100Mi, ioWriteBps: 50M}
  bootstrap: {userData: {hostname: acme, count: 1}, networkConfig: "version: 2\n"}
  health: {kind: http, port: 443, path: /healthz, timeout: 5s}
  backup: {policy: nightly}
  stopTimeout: 1m30s
)";

}  // namespace

TEST_CASE("parse_guest: every field reaches its member", "[schema][guest]") {
  const auto guest = parse_guest(whole_guest, "acme.yaml");
  REQUIRE(guest);
  Guest expected{};
  expected.name = "acme";
  auto& spec = expected.spec;
  spec.provider = "proxmox";
  spec.power = Power::suspended;
  spec.image = {"debian-12-docker", "2026.11.1"};
  spec.cpus = 2;
  spec.memory = gibibytes(2);
  spec.root_disk = {gibibytes(16), "nvme"};
  spec.volumes = {{"db", gibibytes(10), VolumeClass::hot, "nvme", VolumeBackup::by_policy},
                  {"media", gibibytes(200), VolumeClass::bulk, "usb-media", VolumeBackup::none}};
  spec.interfaces = {{"net0", Interface::Kind::bridge, "br0", "virtio"},
                     {"net1", Interface::Kind::network, "default", "e1000"},
                     {"out", Interface::Kind::user, "", "virtio"}};
  spec.ports = {{Protocol::udp, 51820, std::nullopt}, {Protocol::tcp, 80, std::uint16_t{8080}}};
  spec.limits = {1024, mebibytes(100), Bytes{50'000'000}};
  spec.bootstrap = {"#cloud-config\n{\"count\":1,\"hostname\":\"acme\"}", "version: 2\n"};
  spec.health = Health{Health::Kind::http, 443, "/healthz", 5s};
  spec.backup_policy = "nightly";
  spec.stop_timeout = 90s;
  CHECK(*guest == expected);
}

TEST_CASE("parse_guest: what is left out has the documented default", "[schema][guest]") {
  const auto guest = parse_guest(guest_with(""), "acme.json");
  REQUIRE(guest);
  const auto& spec = guest->spec;
  CHECK(spec.provider == "libvirt");
  CHECK(spec.power == Power::running);
  CHECK(spec.cpus == 1);
  CHECK(spec.root_disk.target == "local");
  CHECK(spec.volumes.empty());
  CHECK_FALSE(spec.health);
  CHECK_FALSE(spec.backup_policy);
  CHECK(spec.stop_timeout == 60s);
}

TEST_CASE("parse_guest: an error names file and pointer and what was found and expected",
          "[schema][guest][errors]") {
  const auto first = parse_guest(
      "apiVersion: holdfast/v1\nkind: Guest\nmetadata: {name: acme}\n"
      "spec: {image: {name: a, version: b}, memory: 2Gb, rootDisk: {size: 1Gi}}\n",
      "acme.yaml");
  REQUIRE_FALSE(first);
  CHECK(first.error().code() == Errc::invalid);
  CHECK(first.error().message() ==
        "acme.yaml: document 1: /spec/memory: found \"2Gb\", expected a quantity like 2Gi or "
        "512Mi");
}

TEST_CASE("parse_guest: each rule is refused at its place", "[schema][guest][errors]") {
  const std::vector<std::pair<std::string, std::string>> table{
      {R"("cpus":0)", "/spec/cpus: found 0, expected whole CPUs from 1 to 512"},
      {R"("cpus":513)", "/spec/cpus: found 513,"},
      {R"("cpus":2.0)", "/spec/cpus: found 2.0, expected whole CPUs like 2"},
      {R"("cpus":"500m")", "/spec/cpus: found \"500m\", expected whole CPUs like 2 (a share"},
      {R"("cpus":-1)", "/spec/cpus: found -1,"},
      {R"("cpus":null)", "/spec/cpus: found null,"},
      {R"("power":"running")", "/spec/power: found \"running\", expected Running or Stopped or"},
      {R"("provider":"Lib Virt")", "/spec/provider: found \"Lib Virt\", expected a name of"},
      {R"("memroy":"1Gi")", "/spec/memroy: unknown field, expected memory"},
      {R"("rootdisk":{})", "/spec/rootdisk: unknown field, expected rootDisk"},
      {R"("zzz":1)", "/spec/zzz: unknown field, expected one of provider, power, image"},
      {R"("volumes":{})", "/spec/volumes: found a mapping, expected a list"},
      {R"("volumes":[{"name":"root","size":"1Gi"}])",
       "/spec/volumes/0/name: found \"root\", expected a name"},
      {R"("volumes":[{"name":"a","size":"1Gi"},{"name":"a","size":"2Gi"}])",
       "/spec/volumes/1: found a second volume a, expected each once"},
      {R"("volumes":[{"name":"a"}])", "/spec/volumes/0: field size is missing"},
      {R"("volumes":[{"name":"a","size":"1Ki"}])",
       "/spec/volumes/0/size: found \"1Ki\", expected a quantity from 1Mi to 1Pi"},
      {R"("interfaces":[{}])",
       "/spec/interfaces/0: found 0 of bridge, network and user, expected exactly one"},
      {R"("interfaces":[{"bridge":"br0","user":true}])", "/spec/interfaces/0: found 2 of"},
      {R"("interfaces":[{"user":false}])", "/spec/interfaces/0/user: found false, expected true"},
      {R"("interfaces":[{"bridge":"a/b"}])", "/spec/interfaces/0/bridge: found \"a/b\","},
      {R"("interfaces":[{"bridge":"br0","name":"net1"},{"bridge":"br1"}])",
       "/spec/interfaces/1: found a second interface net1"},
      {R"("ports":[{"protocol":"tcp","guestPort":0}])", "/spec/ports/0/guestPort: found 0,"},
      {R"("ports":[{"protocol":"tcp","guestPort":65536}])", "/spec/ports/0/guestPort: found 65536"},
      {R"("ports":[{"protocol":"tcp","guestPort":80,"hostPort":"any"}])",
       "/spec/ports/0/hostPort: found \"any\", expected auto or a port number"},
      {R"("ports":[{"protocol":"tcp","guestPort":80},{"protocol":"tcp","guestPort":80}])",
       "/spec/ports/1: found a second guest port tcp/80"},
      {R"("ports":[{"protocol":"tcp","guestPort":80,"hostPort":9},)"
       R"({"protocol":"tcp","guestPort":81,"hostPort":9}])",
       "/spec/ports/1: found a second host port tcp/9"},
      {R"("limits":{"cpuShares":1})", "/spec/limits/cpuShares: found 1,"},
      {R"("bootstrap":{"userData":7})", "/spec/bootstrap/userData: found 7, expected text or a"},
      {R"("health":{"kind":"tcp","port":80,"path":"/x"})", "/spec/health: found a path with"},
      {R"("health":{"kind":"http","port":80,"path":"x"})", "/spec/health/path: found \"x\""},
      {R"("backup":{})", "/spec/backup: field policy is missing"},
      {R"("stopTimeout":60)", "/spec/stopTimeout: found 60, expected a duration like"},
      {R"("stopTimeout":"500ms")", "/spec/stopTimeout: found \"500ms\", expected a duration from"},
  };
  for (const auto& [more, expected] : table) {
    CAPTURE(more, expected);
    const auto problem = problem_of(more);
    CAPTURE(problem);
    CHECK(problem.starts_with("acme.json: document 1: /spec"));
    CHECK(problem.find(expected) != std::string::npos);
  }
}

TEST_CASE("parse_guest: image and memory and root disk are required", "[schema][guest][errors]") {
  const auto guest = parse_guest(
      R"({"apiVersion":"holdfast/v1","kind":"Guest","metadata":{"name":"a"},"spec":{}})", "a.json");
  REQUIRE_FALSE(guest);
  CHECK(guest.error().message() ==
        "a.json: document 1: /spec: field image is missing; /spec: field memory is missing; "
        "/spec: field rootDisk is missing");
}

TEST_CASE("parse_guest: at most ten problems are listed and the rest counted",
          "[schema][guest][errors]") {
  std::string ports;
  for (int i = 0; i < 15; ++i) ports += std::string{i == 0 ? "" : ","} + "7";
  const auto problem = problem_of("\"ports\":[" + ports + "]");
  CHECK(problem.find("/spec/ports/9: found 7, expected a mapping") != std::string::npos);
  CHECK(problem.find("/spec/ports/10") == std::string::npos);
  CHECK(problem.ends_with("; and 5 more"));
}

TEST_CASE("parse_guest: lists and texts are capped", "[schema][guest][limits]") {
  std::string volumes;
  for (int i = 0; i < 33; ++i)
    volumes +=
        std::string{i == 0 ? "" : ","} + R"({"name":"v)" + std::to_string(i) + R"(","size":"1Gi"})";
  CHECK(problem_of("\"volumes\":[" + volumes + "]").find("found 33 items, expected at most 32") !=
        std::string::npos);
  const auto user_data = [](std::size_t size) {
    return R"("bootstrap":{"userData":")" + std::string(size, 'x') + "\"}";
  };
  CHECK(problem_of(user_data(512 * 1024)) == "accepted");
  CHECK(problem_of(user_data(512 * 1024 + 1)).find("expected at most 524288") != std::string::npos);
  CHECK(problem_of(R"("bootstrap":{"networkConfig":")" + std::string(65'537, 'x') + "\"}")
            .find("expected at most 65536") != std::string::npos);
}

TEST_CASE("parse_guest: a version that reads as a number is pointed at its quotes",
          "[schema][guest][errors]") {
  const auto guest = parse_guest(
      "apiVersion: holdfast/v1\nkind: Guest\nmetadata: {name: a}\n"
      "spec: {image: {name: a, version: 1.0}, memory: 1Gi, rootDisk: {size: 1Gi}}\n",
      "a.yaml");
  REQUIRE_FALSE(guest);
  CHECK(guest.error().message().find("/spec/image/version: found 1.0, expected a version like "
                                     "2026.11.1 (in quotes when it reads as a number)") !=
        std::string::npos);
}

TEST_CASE("canonical guest: sorted and spelled out and without blanks", "[schema][guest]") {
  const auto guest = parse_guest(guest_with(""), "acme.json").value();
  CHECK(to_canonical_json(guest) ==
        R"({"apiVersion":"holdfast/v1","kind":"Guest","metadata":{"name":"acme"},"spec":{)"
        R"("bootstrap":{},"cpus":1,"image":{"name":"tiny","version":"1.0.0"},"interfaces":[],)"
        R"("limits":{},"memory":"128Mi","ports":[],"power":"Running","provider":"libvirt",)"
        R"("rootDisk":{"size":"1Gi","target":"local"},"stopTimeout":"1m","volumes":[]}})");
}

TEST_CASE("canonical guest: reads back as the same guest in JSON and YAML", "[schema][guest]") {
  const auto guest = parse_guest(whole_guest, "acme.yaml").value();
  CHECK(parse_guest(to_canonical_json(guest), "again.json").value() == guest);
  CHECK(parse_guest(to_yaml(guest), "again.yaml").value() == guest);
}

TEST_CASE("digest: the same for two spellings of one guest and different for every edit",
          "[schema][guest]") {
  const auto digest_with = [](const std::string& more) {
    return digest(parse_guest(guest_with(more), "a.json").value());
  };
  const auto plain = digest_with("");
  CHECK(plain == digest_with(R"("cpus":1)"));
  CHECK(plain == digest_with(R"("cpus":"1","power":"Running","stopTimeout":"60s")"));
  CHECK(plain.starts_with("sha256:"));
  for (const auto* const edit :
       {R"("cpus":2)", R"("power":"Stopped")", R"("stopTimeout":"61s")", R"("provider":"proxmox")",
        R"("volumes":[{"name":"a","size":"1Gi"}])", R"("interfaces":[{"user":true}])",
        R"("ports":[{"protocol":"tcp","guestPort":80}])", R"("limits":{"cpuShares":2})",
        R"("bootstrap":{"userData":"x"})", R"("bootstrap":{"networkConfig":"x"})",
        R"("health":{"kind":"tcp","port":1})", R"("backup":{"policy":"nightly"})"}) {
    CAPTURE(edit);
    CHECK(digest_with(edit) != plain);
  }
}

}  // namespace holdfast
