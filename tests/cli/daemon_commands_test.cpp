// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "tests/cli/cli_fixture.hpp"

namespace holdfast::cli {

using nlohmann::json;

TEST_CASE("get: every kind as table wide json and yaml", "[cli]") {
  Host host;
  host.daemon.add_ticket();
  host.daemon.add_backups();
  host.daemon.known_snapshots.push_back({"before", api::at("2026-11-22T19:00:00Z"), {3}, true});
  const auto kind =
      GENERATE(as<std::string>{}, "guests", "guest", "operations", "tickets", "images", "targets",
               "host", "conditions", "snapshots acme", "backups", "backups acme", "guest acme",
               "operation op-1", "image tiny", "conditions acme");
  std::vector<std::string> words{"get"};
  std::istringstream parts{kind};
  for (std::string part; parts >> part;) words.push_back(part);
  for (const std::string format : {"table", "wide", "json", "yaml"}) {
    auto all = words;
    all.insert(all.end(), {"-o", format});
    INFO(kind << " as " << format);
    const auto answer = host.run(all);
    CHECK(answer.status == 0);
    CHECK(answer.err.empty());
    CHECK(answer.out.size() > 3);
    CHECK(answer.out.back() == '\n');
    if (format == "json") CHECK(json::accept(answer.out));
    if (format == "table" || format == "wide")
      CHECK(std::count(answer.out.begin(), answer.out.end(), '\n') >= 2);
  }
}

TEST_CASE("get backups: says whose each is, and lists one guest's", "[cli]") {
  Host host;
  CHECK(host.run({"get", "backups"}).err.find("no backups") != std::string::npos);
  host.daemon.add_backups();
  const auto all = host.run({"get", "backups"}).out;
  CHECK(has(all, "local:backup/theirs"));
  CHECK(has(all, "somebody else"));
  const auto one = host.run({"get", "backups", "gone", "-o", "wide"}).out;
  CHECK(has(one, "local:backup/two"));
  CHECK_FALSE(has(one, "local:backup/one"));
  const auto machine = json::parse(host.run({"get", "backups", "acme", "-o", "json"}).out);
  REQUIRE(machine.size() == 1);
  CHECK(machine[0]["protected"] == true);
  CHECK(machine[0]["note"] == "before 2.0");
  CHECK(host.run({"get", "backups", "nobody"}).status == 0);
}

TEST_CASE("get guests: says what a table of guests should", "[cli]") {
  Host host;
  CHECK(host.run({"get", "guests"}).out ==
        "NAME   PHASE   POWER     CPUS   MEMORY   IMAGE        OPERATION\n"
        "acme   Ready   Running   2      2Gi      tiny 1.0.0   -\n");
  CHECK(has(host.run({"get", "guests", "-o", "wide"}).out, "192.0.2.7"));
  const auto list = json::parse(host.run({"-o", "json", "get", "guests"}).out);
  REQUIRE(list.size() == 1);
  CHECK(list[0]["name"] == "acme");
  CHECK(list[0]["memory"] == "2Gi");
}

TEST_CASE("get operations: subject and limit are kept to", "[cli]") {
  Host host;
  for (int i = 0; i < 5; ++i) host.daemon.operation_of("guest.power", "guest/beta", "succeeded");
  const auto of_beta = host.run({"get", "operations", "--subject", "guest/beta", "-n", "2"});
  CHECK(of_beta.status == 0);
  CHECK(has(of_beta.out, "op-6"));
  CHECK(has(of_beta.out, "op-5"));
  CHECK_FALSE(has(of_beta.out, "op-4"));
  CHECK_FALSE(has(of_beta.out, "acme"));
  CHECK(has(of_beta.out, "3m20s"));
}

TEST_CASE("get: what is empty is said on standard error", "[cli]") {
  Host host;
  const auto answer = host.run({"get", "tickets"});
  CHECK(answer.status == 0);
  CHECK(answer.out.empty());
  CHECK(has(answer.err, "no open tickets"));
  CHECK(host.run({"get", "tickets", "-o", "json"}).out == "[]\n");
}

TEST_CASE("get: wrong input is an error that says what to do", "[cli]") {
  Host host;
  struct Row {
    std::vector<std::string> words;
    std::string expected;
  };
  const std::vector<Row> rows{
      {{"get"}, "KIND"},
      {{"get", "nonsense"}, "nonsense"},
      {{"get", "guest", "nobody"}, "no guest nobody"},
      {{"get", "operation", "forty-two"}, "forty-two"},
      {{"get", "operation", "op-99"}, "no operation op-99"},
      {{"get", "ticket", "ffff"}, "no ticket ffff"},
      {{"get", "snapshots"}, "holdfast get snapshots GUEST"},
      {{"get", "image", "none"}, "no none among them"},
      {{"get", "guest", "a/b"}, "expected a name"},
      {{"get", "guests", "-n", "0"}, "--limit"},
      {{"get", "guests", "-o", "xml"}, "xml"},
      {{"describe", "guest"}, "describe guest NAME"},
      {{"describe", "guest", "nobody"}, "no guest nobody"},
      {{"describe", "image", "tiny"}, "image"},
      {{"why", "guest"}, "NAME"},
      {{"why", "image", "x"}, "image"},
      {{"why", "guest", "nobody"}, "no guest nobody"},
      {{"ticket", "show"}, "ID"},
      {{"ticket", "show", "ffff"}, "no ticket ffff"},
      {{"snapshot", "create", "acme"}, "SNAPSHOT"},
      {{"snapshot", "create", "nobody", "x"}, "no guest nobody"},
      {{"snapshot", "list"}, "GUEST"},
      {{"destroy"}, "holdfast destroy --help"},
      {{"journal", "lsit"}, "lsit"},
      {{"undelete"}, "GUEST"},
      {{"undelete", "acme", "--wait=soon"}, "soon"},
      {{"journal", "retry", "op-99"}, "no operation op-99"},
      {{"journal", "retry", "op-1"}, "succeeded"},
      {{"journal", "rollback", "x"}, "x"},
      {{"completion", "tcsh"}, "tcsh"},
      {{"image", "import", "/nowhere/at/all"}, "/nowhere/at/all"},
      {{"nonsense"}, "nonsense"},
      {{}, "holdfast --help"},
  };
  for (const auto& row : rows) {
    const auto answer = host.run(row.words);
    INFO(row.expected << "\n" << answer.err);
    CHECK(answer.status == 2);
    CHECK(answer.out.empty());
    CHECK(has(answer.err, row.expected));
  }
}

TEST_CASE("describe guest: tells identity disks conditions operations and tickets", "[cli]") {
  Host host;
  host.daemon.add_ticket();
  const auto answer = host.run({"describe", "guest", "acme"});
  CHECK(answer.status == 0);
  for (const char* part :
       {"Name:          acme", "6b1f0a52-2f7e-4c5b-9d1a-0c2f4f9e8a11", "Incarnation:   3", "16Gi",
        "52:54:00:11:22:33", "answers on port 80", "guest.create", "NeedsSignature"})
    CHECK(has(answer.out, part));
  const auto all = json::parse(host.run({"describe", "guest", "acme", "-o", "json"}).out);
  CHECK(all["guest"]["name"] == "acme");
  CHECK(all["tickets"].size() == 1);
}

TEST_CASE("describe operation: a stuck one says how to go on", "[cli]") {
  Host host;
  const auto id = to_string(host.daemon.operation_of("guest.create", "guest/beta", "stuck"));
  const auto answer = host.run({"describe", "operation", id});
  CHECK(answer.status == 0);
  CHECK(has(answer.out, "no space left in target nvme"));
  CHECK(has(answer.out, "holdfast journal retry " + id));
  CHECK(has(answer.out, "12s"));
  CHECK(host.run({"journal", "retry", id}).status == 0);
  CHECK(has(host.run({"get", "operation", id, "-o", "json"}).out, "succeeded"));
}

TEST_CASE("describe host: observe-only says what to do", "[cli]") {
  Host host;
  CHECK(has(host.run({"describe", "host"}).out, "Mode:          normal"));
  host.daemon.host_report.mode = HostMode::observe_only;
  CHECK(has(host.run({"describe", "host"}).out, "holdfast recover"));
}

TEST_CASE("why: answers in sentences", "[cli]") {
  Host host;
  CHECK(host.run({"why", "guest", "acme"}).out == "acme is as it should be.\n");
  CHECK(json::parse(host.run({"why", "guest", "acme", "-o", "json"}).out)["sentences"][0] ==
        "acme is as it should be.");
}

TEST_CASE("ticket show: the job comes out byte for byte", "[cli]") {
  Host host;
  host.daemon.add_ticket();
  const auto& job = host.daemon.open_tickets.front().job;
  CHECK(host.run({"ticket", "show", api::sample_ticket, "--job"}).out == job);
  const auto shown = host.run({"ticket", "show", api::sample_ticket}).out;
  CHECK(has(shown, "ssh-keygen -Y sign -n job@holdfast -f KEY job.json"));
  CHECK(has(shown, "keep its 2 disks for 7 days"));
  CHECK(has(host.run({"ticket", "list"}).out, "NeedsSignature"));
}

TEST_CASE("destroy and snapshots: a refusal exits 2 and names its ticket", "[cli]") {
  Host host;
  const auto words = GENERATE(std::vector<std::string>{"destroy", "guest", "acme"},
                              std::vector<std::string>{"snapshot", "rollback", "acme", "s"},
                              std::vector<std::string>{"snapshot", "delete", "acme", "s"});
  const auto answer = host.run(words);
  CHECK(answer.status == 2);
  CHECK(answer.out.empty());
  CHECK(has(answer.err, "NeedsSignature"));
  CHECK(has(answer.err, std::string{"holdfast ticket show "} + api::sample_ticket));
}

TEST_CASE("snapshot create: is there afterwards", "[cli]") {
  Host host;
  const auto answer = host.run({"snapshot", "create", "acme", "before-upgrade"});
  CHECK(answer.status == 0);
  CHECK(has(answer.out, "op-2 begun"));
  CHECK(has(host.run({"snapshot", "list", "acme"}).out, "before-upgrade"));
}

TEST_CASE("orders: with wait they follow the operation to its end", "[cli]") {
  Host host;
  host.daemon.polls_until_done = 3;
  const auto done = host.run({"undelete", "acme", "--wait"});
  CHECK(done.status == 0);
  CHECK(has(done.err, "op-2 succeeded"));
  CHECK(has(done.err, "started when desired state names it"));
  host.daemon.end_state = "rolled_back";
  const auto turned = host.run({"undelete", "acme", "--wait=1m"});
  CHECK(turned.status == 2);
  CHECK(has(turned.err, "the provider said no"));
  host.daemon.end_state = "stuck";
  const auto stuck = host.run({"undelete", "acme", "--wait"});
  CHECK(stuck.status == 2);
  CHECK(has(stuck.err, "holdfast journal retry"));
  host.daemon.polls_until_done = 1000;
  const auto late = host.run({"undelete", "acme", "--wait=5s"});
  CHECK(late.status == 1);
  CHECK(has(late.err, "still runs after 5s"));
}

TEST_CASE("enroll: a host works for its hub from then on and says so", "[cli]") {
  Host host;
  CHECK_FALSE(has(host.run({"describe", "host"}).out, "hub.example"));
  const auto spent = host.run({"enroll", "--hub", "https://hub.example", "hf1.spent"});
  CHECK(spent.status == 2);
  CHECK(has(spent.err, "TokenSpent"));
  const auto done = host.run({"enroll", "--hub", "https://hub.example", "-"}, "hf1.good\n");
  CHECK(done.status == 0);
  CHECK(has(done.out, "enrolled at https://hub.example"));
  CHECK(has(host.run({"describe", "host"}).out, "https://hub.example (connected)"));
  CHECK(has(host.run({"get", "host"}).out, "connected"));
  CHECK(has(host.run({"why", "host"}).out, "as it should be"));
  host.daemon.host_report.conditions.push_back({"DesiredStateAccepted", ConditionStatus::no,
                                                "DesiredStateForked", "offered with other content",
                                                api::at("2026-11-22T19:00:00Z"), 7});
  CHECK(has(host.run({"why", "host"}).out, "DesiredStateForked: offered with other content"));
}

TEST_CASE("version: of the program alone, and of both", "[cli]") {
  Host host;
  const auto flag = host.run({"--version"});
  CHECK(flag.status == 0);
  CHECK(has(flag.out, "holdfast 0."));
  CHECK(has(host.run({"version"}).out, "holdfastd "));
  host.kill_daemon();
  const auto alone = host.run({"version"});
  CHECK(alone.status == 0);
  CHECK(has(alone.out, "holdfastd not reachable"));
  CHECK(has(host.run({"version", "-o", "json"}).out, "\"holdfastd\": \"\""));
}

TEST_CASE("get operations: a bare name is no subject", "[cli]") {
  Host host;
  const auto answer = host.run({"get", "operations", "--subject", "acme"});
  CHECK(answer.status == 2);
  CHECK(has(answer.err, "acme is no subject; write guest/acme"));
  CHECK(has(host.run({"get", "operations", "--subject", "guest/acme"}).out, "guest.create"));
}

TEST_CASE("describe: a destroyed guest says until when its disks are kept", "[cli]") {
  Host host;
  GuestReport gone;
  gone.name = "gone";
  gone.phase = "Tombstone";
  gone.removed = api::at("2026-11-29T20:00:00Z");
  host.daemon.add(gone);
  CHECK(has(host.run({"describe", "guest", "gone"}).out,
            "Disks kept:    until 2026-11-29T20:00:00.000Z, then removed for good"));
}

TEST_CASE("recover: shows what it would write and asks", "[cli]") {
  Host host;
  CHECK(has(host.run({"recover"}).err, "nothing to recover"));
  host.daemon.needs_recovery = true;
  const auto unasked = host.run({"recover"});
  CHECK(unasked.status == 2);
  CHECK(has(unasked.err, "guest acme is ours"));
  CHECK(has(unasked.err, "--yes"));
  CHECK(host.daemon.needs_recovery);
  host.is_terminal = true;
  CHECK(host.run({"recover"}, "no\n").status == 2);
  CHECK(host.daemon.needs_recovery);
  const auto answered = host.run({"recover"}, "yes\n");
  CHECK(answered.status == 0);
  CHECK(has(answered.out, "guest acme is ours"));
  CHECK_FALSE(host.daemon.needs_recovery);
}

TEST_CASE("image import: shows on a terminal how far the daemon is", "[cli]") {
  Host host;
  host.is_terminal = true;
  host.daemon.is_import_slow = true;
  const auto answer = host.run({"image", "import", host.folder.write("tiny.tar", "x")});
  CHECK(answer.status == 0);
  CHECK(has(answer.err, "import tiny.tar"));
  CHECK(has(answer.err, " 42%"));
}

TEST_CASE("image list and import: through the daemon with an absolute path", "[cli]") {
  Host host;
  CHECK(has(host.run({"image", "list"}).out, "tiny"));
  const auto bundle = host.folder.write("bundle.tar", "x");
  const auto answer = host.run({"image", "import", bundle});
  CHECK(answer.status == 0);
  CHECK(answer.out == "imported imported 1\n");
  REQUIRE(host.daemon.imported.size() == 1);
  CHECK(host.daemon.imported.front() == std::filesystem::canonical(bundle).string());
}

TEST_CASE("errors: the daemon's kind and sentence reach the person", "[cli]") {
  Host host;
  host.daemon.failure = Error{Errc::exhausted, "journal: no space left on /var"};
  const auto answer = host.run({"get", "guests"});
  CHECK(answer.status == 2);
  CHECK(answer.err == "error: journal: no space left on /var\n");
}

TEST_CASE("errors: a dead daemon is named and what to do", "[cli]") {
  Host host;
  host.kill_daemon();
  for (const auto& words :
       {std::vector<std::string>{"get", "guests"}, std::vector<std::string>{"plan"},
        std::vector<std::string>{"recover"}, std::vector<std::string>{"destroy", "guest", "x"}}) {
    const auto answer = host.run(words);
    CHECK(answer.status == 2);
    CHECK(has(answer.err, "cannot reach holdfastd at " + (host.folder / "admin.sock")));
    CHECK(has(answer.err, "systemctl status holdfast"));
  }
  CHECK(has(host.run({"version"}).out, "holdfastd not reachable"));
  CHECK(has(host.run({"get", "guests", "--socket", "/nowhere/x.sock"}).err, "/nowhere/x.sock"));
}

TEST_CASE("colours: only on a terminal and only when wanted", "[cli]") {
  Host host;
  CHECK_FALSE(has(host.run({"get", "guests"}).out, "\x1b["));
  host.is_terminal = true;
  CHECK(has(host.run({"get", "guests"}).out, "\x1b[32mReady"));
  CHECK_FALSE(has(host.run({"get", "guests", "--no-color"}).out, "\x1b["));
  CHECK_FALSE(has(host.run({"get", "guests", "-o", "json"}).out, "\x1b["));
  host.variables["NO_COLOR"] = "1";
  CHECK_FALSE(has(host.run({"get", "guests"}).out, "\x1b["));
}

TEST_CASE("version: names program and daemon", "[cli]") {
  Host host;
  CHECK(has(host.run({"version"}).out, "holdfastd 0.1.0"));
  CHECK(json::parse(host.run({"version", "-o", "json"}).out)["holdfastd"] == "0.1.0");
}

}  // namespace holdfast::cli
