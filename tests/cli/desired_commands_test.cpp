// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "tests/cli/cli_fixture.hpp"

namespace holdfast::cli {

using nlohmann::json;

TEST_CASE("validate: works without a daemon on files folders and standard input", "[cli]") {
  Host host;
  host.kill_daemon();
  const auto file = host.folder.write("acme.yaml", guest_yaml("acme"));
  host.folder.write("beta.yml", guest_yaml("beta"));
  host.folder.write("notes.txt", "not a resource");
  const auto one = host.run({"validate", "-f", file});
  CHECK(one.status == 0);
  CHECK(has(one.out, "Guest acme"));
  CHECK(one.err.empty());
  const auto folder = host.run({"validate", "-f", host.folder / "."});
  CHECK(folder.status == 0);
  CHECK(has(folder.out, "Guest beta"));
  CHECK(host.run({"validate", "-f", "-"}, guest_yaml("gamma")).status == 0);
}

TEST_CASE("validate: names the file and the field that is wrong", "[cli]") {
  Host host;
  const auto file = host.folder.write("bad.yaml", guest_yaml("acme", "2Gb"));
  const auto answer = host.run({"validate", "-f", file});
  CHECK(answer.status == 2);
  CHECK(has(answer.err, "bad.yaml"));
  CHECK(has(answer.err, "/spec/memory"));
  const auto found = json::parse(host.run({"validate", "-f", file, "-o", "json"}).out);
  REQUIRE(found.size() == 1);
  CHECK(found[0]["valid"] == false);
}

TEST_CASE("validate: the same guest in two files is an error", "[cli]") {
  Host host;
  const auto a = host.folder.write("a.yaml", guest_yaml("acme"));
  const auto b = host.folder.write("b.yaml", guest_yaml("acme", "256Mi"));
  const auto answer = host.run({"validate", "-f", a, "-f", b});
  CHECK(answer.status == 2);
  CHECK(has(answer.err, "acme"));
}

TEST_CASE("validate: wrong input is an error", "[cli]") {
  Host host;
  ScratchFolder empty;
  CHECK(host.run({"validate"}).status == 2);
  CHECK(has(host.run({"validate", "-f", "/nowhere.yaml"}).err, "/nowhere.yaml: No such file"));
  CHECK(has(host.run({"validate", "-f", empty / "."}).err, "found no .yaml"));
  CHECK(host.run({"validate", "-f", "-"}, "").status == 2);
  CHECK(host.run({"validate", "-f", "-"}, "kind: [").status == 2);
}

TEST_CASE("plan: exits 0 in sync and 1 when something differs", "[cli]") {
  Host host;
  const auto in_sync = host.run({"plan"});
  CHECK(in_sync.status == 0);
  CHECK(in_sync.out == "In sync. Nothing to do.\n");
  const auto file = host.folder.write("beta.yaml", guest_yaml("beta"));
  const auto differs = host.run({"plan", "-f", file});
  CHECK(differs.status == 1);
  CHECK(has(differs.out, "+ guest/beta: create guest beta"));
  CHECK(has(differs.out, "Plan: 1 to add."));
  const auto again = json::parse(host.run({"plan", "-f", file, "-o", "json"}).out);
  CHECK(again["inSync"] == false);
  CHECK(host.run({"plan", "-f", "-"}, guest_yaml("acme")).status == 0);
  CHECK(has(host.run({"plan", "-f", file, "--detailed"}).out, "gate: free"));
}

TEST_CASE("plan: what waits for a guest's next stop is shown and in sync", "[cli]") {
  Host host;
  host.daemon.pending = {"guest/acme: memory: runs with 1Gi, will have 2Gi"};
  const auto answer = host.run({"plan"});
  CHECK(answer.status == 0);
  CHECK(has(answer.out,
            ". guest/acme: at its next stop\n      memory: runs with 1Gi, will have 2Gi"));
  CHECK(has(answer.out, "In sync, but for what waits for a guest's next stop. Nothing to do now."));
  CHECK(json::parse(host.run({"plan", "-o", "json"}).out)["pending"].size() == 1);
  const auto file = host.folder.write("acme.yaml", guest_yaml("acme"));
  const auto applied = host.run({"apply", "-f", file, "--yes", "--wait"});
  CHECK(applied.status == 0);
  CHECK(has(applied.err, "memory: runs with 1Gi, will have 2Gi"));
}

TEST_CASE("validate: a job is no resource, and which command reads it is said", "[cli]") {
  Host host;
  const auto file = host.folder.write("job.json", R"({"apiVersion":"holdfast/v1","kind":"Job"})");
  const auto answer = host.run({"validate", "-f", file});
  CHECK(answer.status == 2);
  CHECK(has(answer.err, "/kind: found Job, a signed order"));
  CHECK(has(answer.err, "`holdfast job verify`"));
}

TEST_CASE("plan: what is unknown is not in sync", "[cli]") {
  Host host;
  host.daemon.unknown = {"guest/acme"};
  const auto answer = host.run({"plan"});
  CHECK(answer.status == 1);
  CHECK(has(answer.out, "? guest/acme: could not be observed"));
}

TEST_CASE("plan: all that is wrong with a file is said at once", "[cli]") {
  Host host;
  const auto file = host.folder.write(
      "bad.yaml", guest_yaml("acme", "2Gb") + "---\n" + guest_yaml("beta", "lots"));
  const auto answer = host.run({"plan", "-f", file});
  CHECK(answer.status == 2);
  CHECK(has(answer.err, "document 1: /spec/memory: found \"2Gb\""));
  CHECK(has(answer.err, "document 2: /spec/memory: found \"lots\""));
}

TEST_CASE("plan: a bad file is found before the daemon is asked", "[cli]") {
  Host host;
  host.kill_daemon();
  const auto file = host.folder.write("bad.yaml", guest_yaml("acme", "2Gb"));
  const auto answer = host.run({"plan", "-f", file});
  CHECK(answer.status == 2);
  CHECK(has(answer.err, "bad.yaml"));
  CHECK_FALSE(has(answer.err, "cannot reach"));
}

TEST_CASE("apply: writes after yes and says what it will change", "[cli]") {
  Host host;
  const auto file = host.folder.write("beta.yaml", guest_yaml("beta"));
  const auto unasked = host.run({"apply", "-f", file});
  CHECK(unasked.status == 2);
  CHECK(has(unasked.err, "add --yes"));
  CHECK(host.run({"plan"}).status == 0);
  host.daemon.polls_until_done = 2;
  const auto answer = host.run({"apply", "-f", file, "--yes"});
  CHECK(answer.status == 0);
  CHECK(has(answer.out, "+ guest/beta"));
  CHECK(has(answer.out, "written: guest-beta.yaml"));
}

TEST_CASE("apply: asks on a terminal and takes no for an answer", "[cli]") {
  Host host;
  host.is_terminal = true;
  const auto file = host.folder.write("beta.yaml", guest_yaml("beta"));
  const auto no = host.run({"apply", "-f", file}, "no\n");
  CHECK(no.status == 2);
  CHECK(has(no.err, "nothing was written"));
  CHECK(host.run({"plan"}).status == 0);
  host.daemon.polls_until_done = 1;
  CHECK(host.run({"apply", "-f", file}, "yes\n").status == 0);
}

TEST_CASE("apply: with wait it follows until in sync", "[cli]") {
  Host host;
  host.daemon.polls_until_done = 5;
  const auto file = host.folder.write("beta.yaml", guest_yaml("beta"));
  const auto answer = host.run({"apply", "-f", file, "--yes", "--wait"});
  CHECK(answer.status == 0);
  CHECK(has(answer.err, "in sync after"));
  CHECK(has(host.run({"get", "guests"}).out, "beta"));
}

TEST_CASE("apply: with wait it ends where time or a refusal ends it", "[cli]") {
  Host host;
  const auto file = host.folder.write("beta.yaml", guest_yaml("beta"));
  host.daemon.polls_until_done = 1000;
  const auto late = host.run({"apply", "-f", file, "--yes", "--wait=3s"});
  CHECK(late.status == 1);
  CHECK(has(late.err, "not in sync after 3s"));
  const auto id = host.daemon.operation_of("guest.create", "guest/beta", "stuck");
  const auto stuck = host.run({"apply", "-f", file, "--yes", "--wait"});
  CHECK(stuck.status == 2);
  CHECK(has(stuck.err, to_string(id) + " (guest.create of guest/beta) is stuck"));
  host.daemon.polls_until_done = 0;
  host.daemon.actions = {{"guest/old", "destroy guest old", "it is no longer wanted",
                          Verdict::refused, "NeedsSignature", api::sample_ticket}};
  const auto other = host.folder.write("gamma.yaml", guest_yaml("gamma"));
  CHECK(host.run({"apply", "-f", other, "--yes", "--wait"}).status == 0);  // not gamma's business
  host.daemon.actions.push_back({"guest/gamma", "shrink disk root 64Mi", "it would cost data",
                                 Verdict::refused, "NeedsSignature", api::sample_ticket});
  const auto refused = host.run({"apply", "-f", other, "--yes", "--wait"});
  CHECK(refused.status == 1);
  CHECK(has(refused.err, "everything that needs no signature is done"));
  CHECK(has(refused.err, api::sample_ticket));
}

TEST_CASE("apply: shows a progress bar on a terminal only", "[cli]") {
  Host host;
  host.daemon.polls_until_done = 3;
  host.daemon.operation_of("guest.create", "guest/beta", "open");
  const auto file = host.folder.write("beta.yaml", guest_yaml("beta"));
  host.is_terminal = true;
  CHECK(has(host.run({"apply", "-f", file, "--yes", "--wait"}).err, "[==="));
  host.is_terminal = false;
  host.daemon.polls_until_done = 3;
  const auto other = host.folder.write("gamma.yaml", guest_yaml("gamma"));
  CHECK_FALSE(has(host.run({"apply", "-f", other, "--yes", "--wait"}).err, "\r"));
}

TEST_CASE("apply: a folder of files goes as one", "[cli]") {
  Host host;
  ScratchFolder folder;
  folder.write("a.yaml", guest_yaml("alpha"));
  folder.write("b.json", R"({"apiVersion":"holdfast/v1","kind":"Guest","metadata":{"name":"beta"},)"
                         R"("spec":{"image":{"name":"tiny","version":"1.0.0"},"memory":"128Mi",)"
                         R"("rootDisk":{"size":"64Mi"}}})");
  const auto answer = host.run({"apply", "-f", folder / ".", "--yes"});
  INFO(answer.err);
  CHECK(answer.status == 0);
  CHECK(has(answer.out, "written: guest-alpha.yaml"));
  CHECK(has(answer.out, "written: guest-beta.yaml"));
}

TEST_CASE("apply: standard input cannot also answer questions", "[cli]") {
  Host host;
  CHECK(has(host.run({"apply", "-f", "-"}, guest_yaml("beta")).err, "add --yes"));
  CHECK(host.run({"apply", "-f", "-", "--yes"}, guest_yaml("beta")).status == 0);
}

}  // namespace holdfast::cli
