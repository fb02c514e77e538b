// SPDX-License-Identifier: Apache-2.0
#include "schema/job.hpp"

#include <string>
#include <vector>

#include "tests/catch.hpp"

namespace holdfast {
namespace {

Job destroy_acme() {
  Job job{};
  job.id = "4bf5122f344554c53bde2ebb8cd2b7e3";
  job.action = "guest.destroy";
  job.host_id = "9f86d081884c7d659a2feaa0c55ad015";
  job.guest = GuestBinding{Uuid::parse("3f1c2e9a-5b7d-4c21-9d0e-8a6b1f2c3d4e").value(),
                           Incarnation{3}, "acme"};
  job.fingerprint = "sha256:" + std::string(64, 'a');
  job.not_before = parse_time("2026-11-22T19:00:00Z").value();
  job.expires = parse_time("2026-11-23T19:00:00Z").value();
  job.params = {{"b", "2"}, {"a", "1"}};
  job.reason = "ticket 4711";
  return job;
}

std::string edited(const std::string& from, const std::string& to) {
  auto text = to_json(destroy_acme());
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("job: prints the exact bytes a person signs", "[schema][job]") {
  CHECK(to_json(destroy_acme()) ==
        R"({
  "apiVersion": "holdfast/v1",
  "kind": "Job",
  "id": "4bf5122f344554c53bde2ebb8cd2b7e3",
  "action": "guest.destroy",
  "hostId": "9f86d081884c7d659a2feaa0c55ad015",
  "guest": {
    "uuid": "3f1c2e9a-5b7d-4c21-9d0e-8a6b1f2c3d4e",
    "incarnation": 3,
    "name": "acme"
  },
  "fingerprint": "sha256:)" +
            std::string(64, 'a') +
            R"(",
  "notBefore": "2026-11-22T19:00:00.000Z",
  "expires": "2026-11-23T19:00:00.000Z",
  "params": {
    "a": "1",
    "b": "2"
  },
  "reason": "ticket 4711"
}
)");
}

TEST_CASE("job: reads back as the same job", "[schema][job]") {
  const auto job = destroy_acme();
  CHECK(parse_job(to_json(job)).value() == job);
  Job bare = job;
  bare.guest.reset();
  bare.fingerprint.reset();
  bare.params.clear();
  bare.action = "host.decommission";
  CHECK(parse_job(to_json(bare)).value() == bare);
}

TEST_CASE("job: everything that is not exactly a job is refused", "[schema][job]") {
  const std::vector<std::string> table{
      edited("guest.destroy", "guest.explode"),
      edited("\"reason\"", "\"raeson\""),
      edited("\"Job\"", "\"job\""),
      edited("holdfast/v1", "holdfast/v2"),
      edited("4bf5122f", "4BF5122F"),
      edited("\"incarnation\": 3", "\"incarnation\": \"3\""),
      edited("\"incarnation\": 3", "\"incarnation\": 3.0"),
      edited("\"incarnation\": 3", "\"incarnation\": -3"),
      edited("\"a\": \"1\"", "\"a\": 1"),
      edited("\"reason\":", "\"reason\": \"x\",\n  \"reason\":"),
      edited("2026-11-23", "2026-11-21"),
      edited("sha256:", "md5:"),
      edited("  \"expires\": \"2026-11-23T19:00:00.000Z\",\n", ""),
      edited("3f1c2e9a-", "3f1c2e9a"),
      to_json(destroy_acme()) + "{}",
      "",
      "null",
      "apiVersion: holdfast/v1\nkind: Job\n",
  };
  for (const auto& text : table) {
    CAPTURE(text);
    const auto job = parse_job(text);
    REQUIRE_FALSE(job);
    CHECK(job.error().code() == Errc::invalid);
  }
}

TEST_CASE("job: only the actions that exist", "[schema][job]") {
  CHECK(is_job_action("guest.destroy"));
  CHECK(is_job_action("mass-change.allow"));
  CHECK_FALSE(is_job_action("guest.create"));
  CHECK_FALSE(is_job_action(""));
}

}  // namespace holdfast
