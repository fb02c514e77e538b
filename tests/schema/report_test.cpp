// SPDX-License-Identifier: Apache-2.0
#include "schema/report.hpp"

#include <string>
#include <vector>

#include "tests/catch.hpp"

using namespace std::chrono_literals;

namespace holdfast {
namespace {

const Time noon = parse_time("2026-11-22T12:00:00.250Z").value();

Condition ready() {
  return {"Ready", ConditionStatus::no, "PendingRestart", "memory is taken at the next stop", noon,
          7};
}

OperationReport growing() {
  OperationReport operation{};
  operation.id = "op-42";
  operation.kind = "grow-disk";
  operation.subject = "guest/acme";
  operation.state = "running";
  operation.step = "resize";
  operation.attempts = 2;
  operation.started = noon;
  operation.updated = noon + 3s;
  operation.cause = "libvirt: unavailable";
  operation.progress = 0.25;
  operation.progress_text = "4Gi of 16Gi";
  return operation;
}

GuestReport acme() {
  GuestReport guest{};
  guest.name = "acme";
  guest.uuid = Uuid::parse("3f1c2e9a-5b7d-4c21-9d0e-8a6b1f2c3d4e").value();
  guest.incarnation = Incarnation{3};
  guest.provider = "libvirt";
  guest.phase = "Growing";
  guest.power = "Running";
  guest.image = "tiny 1.0.0";
  guest.cpus = 2;
  guest.memory = gibibytes(2);
  guest.disks = {{"root", gibibytes(16), "nvme"}};
  guest.set_aside = {{"root", "/srv/root.raw", "replace_image", "00", noon}};
  guest.removed = noon;
  guest.interfaces = {{"net0", "bridge", "br0", "52:54:00:12:34:56", {"10.0.0.2"}}};
  guest.ports = {{"udp", 51820, 40001}};
  guest.conditions = {ready()};
  guest.foreign = true;
  guest.operation = growing();
  guest.spec_digest = "sha256:00";
  guest.fingerprint = "sha256:11";
  return guest;
}

template <class Report>
void check_round_trip(const Report& report) {
  const auto json = to_json(report);
  CAPTURE(json);
  CHECK(json.find('\n') == std::string::npos);
  const auto again = parse_report<Report>(json);
  REQUIRE(again);
  CHECK(*again == report);
}

}  // namespace

TEST_CASE("reports: every type reads back as it was", "[schema][report]") {
  check_round_trip(ready());
  check_round_trip(growing());
  check_round_trip(acme());
  check_round_trip(GuestReport{});
  check_round_trip(TicketReport{
      "t1", "guest/acme", "destroy-guest", "needs a signature", noon, "{\n}\n", {"x"}});
  check_round_trip(PlanReport{
      false,
      {{"guest/acme", "grow-disk", "wanted 16Gi, is 8Gi", Verdict::free, "", ""},
       {"guest/old", "destroy", "no longer wanted", Verdict::refused, "destroy-guest", "t1"},
       {"guest/b", "shrink", "smaller", Verdict::needs_permit, "shrink-disk", ""}},
      {"guest/lost"},
      {"guest/acme: memory: runs with 1Gi, will have 2Gi"}});
  HostReport host{};
  host.host_id = std::string(32, 'a');
  host.version = "0.1.0";
  host.generation = 7;
  host.accepted_at = noon;
  host.source = "/etc/holdfast/desired";
  host.mode = HostMode::observe_only;
  host.hypervisor = "connected";
  host.last_pass = noon;
  host.last_pass_took = 12ms;
  host.guests = 3;
  host.open_operations = 1;
  host.open_tickets = 2;
  host.conditions = {ready()};
  check_round_trip(host);
  check_round_trip(HostReport{});
  check_round_trip(EventReport{noon, "guest/acme", "warn", "StepFailed", "disk is full"});
  check_round_trip(std::vector<GuestReport>{acme(), GuestReport{}});
  check_round_trip(std::vector<OperationReport>{growing()});
  check_round_trip(std::vector<Condition>{ready()});
  check_round_trip(std::vector<TicketReport>{TicketReport{}});
  check_round_trip(std::vector<EventReport>{EventReport{}});
}

TEST_CASE("reports: fields of a newer daemon are ignored and missing ones keep their default",
          "[schema][report]") {
  const auto guest =
      parse_report<GuestReport>(R"({"name":"acme","mood":"good","disks":[{"name":"root","x":1}]})");
  REQUIRE(guest);
  CHECK(guest->name == "acme");
  CHECK(guest->cpus == 0);
  REQUIRE(guest->disks.size() == 1);
  CHECK(guest->disks[0].name == "root");
}

TEST_CASE("reports: a wrong type is an error with its pointer", "[schema][report]") {
  const auto guest = parse_report<GuestReport>(R"({"conditions":[{"status":"Maybe"}]})");
  REQUIRE_FALSE(guest);
  CHECK(guest.error().message() ==
        "report: /conditions/0/status: found \"Maybe\", expected True or False or Unknown");
  CHECK_FALSE(parse_report<GuestReport>("{"));
  CHECK_FALSE(parse_report<GuestReport>("[]"));
  CHECK_FALSE(parse_report<std::vector<GuestReport>>("{}"));
}

TEST_CASE("reports: a provider's broken bytes do not break the JSON", "[schema][report]") {
  auto operation = growing();
  operation.cause = "libvirt said \xff\xfe";
  const auto again = parse_report<OperationReport>(to_json(operation));
  REQUIRE(again);
  CHECK(again->cause == "libvirt said \xef\xbf\xbd\xef\xbf\xbd");
}

}  // namespace holdfast
