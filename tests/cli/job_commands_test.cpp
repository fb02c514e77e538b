// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "base/sha256.hpp"
#include "schema/hub_protocol.hpp"
#include "schema/job.hpp"
#include "signing/sshsig.hpp"
#include "tests/cli/cli_fixture.hpp"
#include "tests/signing/forge.hpp"
#include "tests/signing/stock.hpp"

namespace holdfast::cli {
namespace {

using nlohmann::json;

// Operators' keys as files, and the file that says whose count.
struct Operators {
  explicit Operators(const Host& host)
      : anna{key_file(host, "anna", 1)},
        ben{key_file(host, "ben", 2)},
        file{host.folder.write("operators",
                               forge::Pair{1}.line("anna") + forge::Pair{2}.line("ben"))} {}

  static std::string key_file(const Host& host, const std::string& name, std::uint8_t seed) {
    auto path = host.folder.write(name, forge::Pair{seed}.private_key_file());
    ::chmod(path.c_str(), 0600);
    return path;
  }

  std::string anna;
  std::string ben;
  std::string file;
};

std::string contents(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

JobEnvelope envelope_in(const std::string& path) {
  const auto envelope = parse_message<JobEnvelope>(contents(path));
  REQUIRE(envelope);
  return *envelope;
}

bool has_ssh_keygen() {
  if (forge::Stock::is_installed()) return true;
  WARN("skipped: no ssh-keygen on this machine");
  return false;
}

std::string new_job(Host& host) {
  const auto path = host.folder / "job.json";
  const auto made = host.run(
      {"job", "new", "guest.destroy", "--guest", "acme", "--reason", "ticket 4711", "-f", path});
  INFO(made.err);
  REQUIRE(made.status == 0);
  return path;
}

}  // namespace

TEST_CASE("job new: writes a whole job from what the daemon knows", "[cli]") {
  Host host;
  const auto answer = host.run({"job", "new", "guest.destroy", "--guest", "acme", "--param",
                                "verb=destroy_guest", "--valid", "2h", "--reason", "ticket 4711"});
  CHECK(answer.status == 0);
  const auto job = parse_job(answer.out);
  REQUIRE(job);
  CHECK(job->host_id == "9f86d081884c7d659a2feaa0c55ad015");
  CHECK(job->guest->incarnation == Incarnation{3});
  CHECK(job->params.at("verb") == "destroy_guest");
  CHECK(job->expires - job->not_before == std::chrono::hours{2});
  CHECK(to_json(*job) == answer.out);
}

TEST_CASE("job new: works without the daemon when nothing has to be asked", "[cli]") {
  Host host;
  host.kill_daemon();
  const auto answer =
      host.run({"job", "new", "guest.undelete", "--host-id", std::string(32, 'a'), "--guest",
                "acme", "--uuid", "6b1f0a52-2f7e-4c5b-9d1a-0c2f4f9e8a11", "--incarnation", "3"});
  CHECK(answer.status == 0);
  CHECK(parse_job(answer.out));
  CHECK(host.run({"job", "new", "guest.undelete", "--guest", "acme"}).status == 2);
}

TEST_CASE("job new: adopts the stranger whose name desired state wants, and no other", "[cli]") {
  Host host;
  GuestReport wanted;
  wanted.name = "web";
  host.daemon.add(wanted);  // wanted, and not there
  CHECK(host.run({"job", "new", "guest.destroy", "--guest", "web"}).status == 2);
  CHECK(host.run({"job", "new", "guest.adopt", "--guest", "web"}).status == 2);
  GuestReport stranger = wanted;
  stranger.uuid = Uuid::parse("6b1f0a52-2f7e-4c5b-9d1a-0c2f4f9e8a11").value();
  stranger.foreign = true;
  host.daemon.add(stranger);
  const auto answer = host.run({"job", "new", "guest.adopt", "--guest", "web"});
  INFO(answer.err);
  REQUIRE(answer.status == 0);
  const auto job = parse_job(answer.out);
  CHECK(job->guest->uuid == stranger.uuid);
  CHECK(job->guest->incarnation == Incarnation{1});
  CHECK(job->params.at("object") == "web");
  CHECK(host.run({"job", "new", "guest.destroy", "--guest", "web"}).status == 2);
  CHECK(host.run({"job", "new", "guest.adopt", "--guest", "acme"}).status == 2);
}

TEST_CASE("job new: what would be refused later is refused now", "[cli]") {
  Host host;
  CHECK(host.run({"job", "new", "guest.explode", "--guest", "acme"}).status == 2);
  CHECK(host.run({"job", "new", "guest.destroy"}).status == 2);
  CHECK(host.run({"job", "new", "guest.destroy", "--guest", "acme", "--valid", "8d"}).status == 2);
  CHECK(host.run({"job", "new", "guest.destroy", "--guest", "acme", "--valid", "200h"}).status ==
        2);
  CHECK(host.run({"job", "new", "guest.destroy", "--guest", "acme", "-p", "x"}).status == 2);
  CHECK(host.run({"job", "new", "guest.destroy", "--guest", "nobody"}).status == 2);
}

TEST_CASE("job new: backups and restores are checked by name before anybody signs", "[cli]") {
  Host host;
  host.daemon.add_backups();
  const auto make = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"job", "new"});
    return host.run(words);
  };
  const auto backup = make({"guest.backup", "--guest", "acme", "-p", "note=monday"});
  REQUIRE(backup.status == 0);
  CHECK(parse_job(backup.out)->params.at("note") == "monday");
  CHECK(make({"guest.backup", "--guest", "acme", "-p", "protected=true"}).status == 2);
  CHECK(make({"guest.backup", "--guest", "acme", "-p", "protect=yes"}).status == 2);

  // Bound to the guest that the backup is of, also one that is gone.
  const auto restore = make({"guest.restore", "-p", "object=local:backup/two", "-p", "name=copy"});
  INFO(restore.err);
  REQUIRE(restore.status == 0);
  CHECK(parse_job(restore.out)->guest->name == "gone");
  CHECK(parse_job(restore.out)->guest->incarnation == Incarnation{1});
  CHECK(make({"guest.restore", "-p", "object=local:backup/two"}).status == 2);
  CHECK(make({"guest.restore", "-p", "name=copy"}).status == 2);
  CHECK(make({"guest.restore", "-p", "object=local:backup/two", "-p", "name=acme"}).status == 2);
  CHECK(make({"guest.restore", "-p", "object=local:backup/two", "-p", "name=No Name"}).status == 2);
  CHECK(make({"guest.restore", "-p", "object=local:backup/x", "-p", "name=copy"}).status == 2);
  CHECK(make({"guest.restore", "-p", "object=local:backup/theirs", "-p", "name=copy"}).status == 2);
  CHECK(make({"guest.restore", "-p", "object=local:backup/two", "-p", "name=copy", "-p",
              "isolate=true"})
            .status == 2);

  const auto over =
      make({"guest.restore-over", "--guest", "acme", "-p", "object=local:backup/one"});
  REQUIRE(over.status == 0);
  CHECK(parse_job(over.out)->params.at("object") == "local:backup/one");
  CHECK(make({"guest.restore-over", "--guest", "acme", "-p", "object=local:backup/two"}).status ==
        2);
  CHECK(make({"guest.restore-over", "--guest", "acme"}).status == 2);
}

TEST_CASE("job new keys.rotate: carries the new set and says what changes", "[cli]") {
  Host host;
  const Operators operators{host};
  const auto next =
      host.folder.write("next", forge::Pair{2}.line("ben") + forge::Pair{4}.line("dora"));
  const auto answer =
      host.run({"job", "new", "keys.rotate", "--operators", next, "--replaces", operators.file});
  INFO(answer.err);
  REQUIRE(answer.status == 0);
  const auto job = parse_job(answer.out).value();
  CHECK(job.params.at("operators") == contents(next));
  CHECK(job.params.at("replaces") == digest_of(contents(operators.file)));
  CHECK_FALSE(job.guest);
  CHECK(has(answer.err, "anna (SHA256:"));
  CHECK(has(answer.err, "dora"));
  const auto bad = host.folder.write("bad", "* " + to_string(forge::Pair{4}.key()) + "\n");
  CHECK(has(
      host.run({"job", "new", "keys.rotate", "--operators", bad, "--replaces", operators.file}).err,
      bad + ":1"));
}

TEST_CASE("job sign: several operators sign the same bytes with ssh-keygen", "[cli][stock]") {
  if (!has_ssh_keygen()) return;
  Host host;
  const Operators operators{host};
  const auto path = new_job(host);
  const auto signed_path = host.folder / "job.signed.json";
  const auto first = host.run({"job", "sign", path, "-k", operators.anna});
  INFO(first.err);
  REQUIRE(first.status == 0);
  CHECK(has(first.err, "guest.destroy"));  // what is signed is shown first
  CHECK(has(first.err, "Last backup"));
  CHECK(envelope_in(signed_path).payload == contents(path));
  CHECK(envelope_in(signed_path).signatures.size() == 1);
  CHECK(host.run({"job", "sign", path, "-k", operators.anna}).status == 2);  // once each
  CHECK(host.run({"job", "sign", signed_path, "-k", operators.ben}).status == 0);
  const auto envelope = envelope_in(signed_path);
  REQUIRE(envelope.signatures.size() == 2);
  for (const auto& armored : envelope.signatures)
    CHECK(std::holds_alternative<signing::Signature>(
        signing::verify_sshsig(armored, signing::job_namespace, envelope.payload)));

  const auto verified =
      host.run({"job", "verify", signed_path, "--operators", operators.file, "--signers", "2"});
  INFO(verified.err);
  CHECK(verified.status == 0);
  CHECK(has(verified.out, "anna (SHA256:"));
  CHECK(has(verified.out, "ben (SHA256:"));
  const auto report = json::parse(
      host.run({"job", "verify", signed_path, "--operators", operators.file, "-o", "json"}).out);
  CHECK(report["signers"].size() == 2);
  CHECK(report["job"]["action"] == "guest.destroy");
}

TEST_CASE("job sign: never adds to another job's envelope", "[cli][stock]") {
  if (!has_ssh_keygen()) return;
  Host host;
  const Operators operators{host};
  const auto path = new_job(host);
  REQUIRE(host.run({"job", "sign", path, "-k", operators.anna}).status == 0);
  new_job(host);  // the same name, another job
  const auto answer = host.run({"job", "sign", path, "-k", operators.ben});
  CHECK(answer.status == 2);
  CHECK(has(answer.err, "another job"));
  CHECK(host.run({"job", "sign", path, "-k", host.folder / "no-such-key"}).status == 2);
  CHECK(host.run({"job", "sign", operators.file, "-k", operators.ben}).status == 2);
}

TEST_CASE("job verify: a file that is not there is named with what to name instead", "[cli]") {
  Host host;
  const auto answer = host.run({"job", "verify", "/nowhere.json"});
  CHECK(answer.status != 0);
  CHECK(has(answer.err, "/nowhere.json: No such file or directory; name a job file"));
}

TEST_CASE("job verify: says why a host would refuse it, by code", "[cli]") {
  Host host;
  host.kill_daemon();
  const Operators operators{host};
  Job job;
  job.id = std::string(32, '1');
  job.action = "guest.destroy";
  job.host_id = std::string(32, 'a');
  job.guest = GuestBinding{Uuid{{1}}, Incarnation{3}, "acme"};
  job.not_before = host.clock.now() - std::chrono::hours{1};
  job.expires = host.clock.now() + std::chrono::hours{1};
  const auto verify = [&](const std::vector<std::string>& signatures,
                          const std::string& signers = "1") {
    const auto path =
        host.folder.write("envelope.json", to_json(JobEnvelope{to_json(job), signatures}));
    const auto answer =
        host.run({"job", "verify", path, "--operators", operators.file, "--signers", signers});
    return answer.status == 0 ? std::string{"good"} : answer.err;
  };
  const std::string good = forge::sshsig(forge::Pair{1}, to_json(job));
  CHECK(verify({good}) == "good");
  CHECK(has(verify({}), "Unsigned"));
  CHECK(has(verify({good}, "2"), "TooFewSigners"));
  CHECK(has(verify({forge::sshsig(forge::Pair{1}, std::string{"x"})}), "BadSignature"));
  CHECK(has(verify({forge::sshsig(forge::Pair{9}, to_json(job))}), "UnknownSigner"));
  job.expires = host.clock.now() - std::chrono::minutes{1};
  CHECK(has(verify({forge::sshsig(forge::Pair{1}, to_json(job))}), "Expired"));
}

TEST_CASE("job submit: hands the envelope to the daemon and follows it", "[cli]") {
  Host host;
  const std::string job = R"({"kind":"Job"})";
  const std::string envelope = to_json(JobEnvelope{job, {forge::sshsig(forge::Pair{1}, job)}});
  const auto path = host.folder.write("job.signed.json", envelope);
  const auto answer = host.run({"job", "submit", path});
  INFO(answer.err);
  CHECK(answer.status == 0);
  CHECK(has(answer.out, "guest.destroy of guest/acme"));
  REQUIRE(host.daemon.submitted.size() == 1);
  CHECK(parse_message<JobEnvelope>(host.daemon.submitted.front()).value().payload == job);
  CHECK(host.run({"job", "submit", "-"}, envelope).status == 0);
  const auto table = host.run({"get", "jobs", "-o", "wide"});
  CHECK(has(table.out, "guest.destroy"));
  CHECK(has(table.out, "op-2"));
  CHECK(json::parse(host.run({"get", "job", api::sample_ticket, "-o", "json"}).out)["state"] ==
        "running");
  const auto unsigned_path = host.folder.write("unsigned.json", to_json(JobEnvelope{job, {}}));
  CHECK(has(host.run({"job", "submit", unsigned_path}).err, "is not signed"));
  CHECK(host.run({"job", "submit", host.folder / "none"}).status == 2);
}

TEST_CASE("ticket sign: shows what it does, signs it and hands it in", "[cli][stock]") {
  if (!has_ssh_keygen()) return;
  Host host;
  const Operators operators{host};
  host.daemon.add_ticket();
  auto& ticket = host.daemon.open_tickets.front();
  ticket.job = host.run({"job", "new", "guest.destroy", "--guest", "acme"}).out;
  const auto answer = host.run({"ticket", "sign", ticket.id, "-k", operators.anna, "--submit"});
  INFO(answer.err);
  CHECK(answer.status == 0);
  CHECK(has(answer.err, "keep its 2 disks for 7 days"));
  CHECK_FALSE(has(answer.err, "To allow it"));  // that is what is being done
  CHECK(has(host.run({"ticket", "show", ticket.id}).out, "To allow it, where the operator's key"));
  REQUIRE(host.daemon.submitted.size() == 1);
  const auto envelope = parse_message<JobEnvelope>(host.daemon.submitted.front()).value();
  CHECK(envelope.payload == ticket.job);
  CHECK(std::holds_alternative<signing::Signature>(
      signing::verify_sshsig(envelope.signatures.at(0), signing::job_namespace, envelope.payload)));

  const auto to = host.folder / "acme.signed.json";
  CHECK(host.run({"ticket", "sign", ticket.id, "-k", operators.anna, "--to", to}).status == 0);
  CHECK(host.run({"ticket", "sign", ticket.id, "-k", operators.ben, "--to", to}).status == 0);
  CHECK(envelope_in(to).signatures.size() == 2);
  CHECK(host.daemon.submitted.size() == 1);

  // Not taken now: what was signed is kept, beside where the operator stands.
  host.daemon.deferral = Error{Errc::unavailable, "ClockUnsound: nothing keeps it right"};
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(host.folder / ".");
  const auto deferred = host.run({"ticket", "sign", ticket.id, "-k", operators.anna, "--submit"});
  const auto again = host.run({"ticket", "sign", ticket.id, "-k", operators.anna});
  host.daemon.deferral.reset();
  const auto taken = host.run({"ticket", "sign", ticket.id, "-k", operators.anna, "--submit"});
  std::filesystem::current_path(before);
  CHECK(deferred.status == 2);
  CHECK(has(deferred.err, "ClockUnsound"));
  CHECK(has(deferred.err, "hand it in later with `holdfast job submit ticket-"));
  CHECK(envelope_in(host.folder / ("ticket-" + ticket.id + ".signed.json")).signatures.size() == 1);

  // Signing again says the way on, or goes it.
  CHECK(again.status != 0);
  CHECK(has(again.err, "`holdfast job submit ticket-"));
  CHECK(taken.status == 0);
  REQUIRE(host.daemon.submitted.size() == 2);
  CHECK(host.daemon.submitted.back() == host.daemon.submitted.front());
}

}  // namespace holdfast::cli
