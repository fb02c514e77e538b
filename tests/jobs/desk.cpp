// SPDX-License-Identifier: Apache-2.0
#include "tests/jobs/desk.hpp"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "journal/writes.hpp"
#include "tests/catch.hpp"

namespace holdfast::jobs {

const forge::Pair Desk::anna{1};
const forge::Pair Desk::ben{2};
const forge::Pair Desk::clara{3, signing::KeyType::sk_ed25519};
const Uuid Desk::acme = Uuid::parse("3f1c2e9a-5b7d-4c21-9d0e-8a6b1f2c3d4e").value();

Result<std::string> KnownPrints::fingerprint(const Uuid& uuid) {
  if (is_away) return Error{Errc::unavailable, "the provider is away"};
  const auto found = prints.find(uuid);
  if (found == prints.end()) return Error{Errc::not_found, "no such guest"};
  return found->second;
}

Desk::Desk(CommitObserver* observer) : observer_{observer} {
  std::string name = (std::filesystem::temp_directory_path() / "holdfast-desk-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  folder = name;
  write_operators(anna.line("anna") + ben.line("ben") + clara.line("clara"));
  restart();
  put_guest({.uuid = acme,
             .incarnation = Incarnation{3},
             .subject = "guest/acme",
             .origin = Origin::created,
             .life = Life::live,
             .data_bearing = true,
             .detail = "{}"});
  guests.prints[acme] = "sha256:" + std::string(64, 'a');
}

Desk::~Desk() {
  rotation.reset();
  journal.reset();
  std::error_code error;
  std::filesystem::remove_all(folder, error);
}

void Desk::restart() {
  rotation.reset();
  jobs.reset();
  intake.reset();
  guard.reset();
  journal.reset();
  auto opened = Journal::open({.path = folder + "/journal.db",
                               .writer = JournalOptions::Writer::inline_writer,
                               .sync = false,
                               .observer = observer_},
                              clock);
  if (!opened) FAIL(opened.error().describe());
  journal = std::move(opened).value();
  guard = std::make_unique<ClockGuard>(*journal, clock, kernel);
  intake = std::make_unique<Intake>(
      IntakeParts{.journal = *journal,
                  .clock = clock,
                  .guard = *guard,
                  .guests = guests,
                  .operators = operators(),
                  .policy = policy,
                  .host_id = std::string{host_id},
                  .on_accepted = [this](const std::string& subject) { woken.push_back(subject); }});
  jobs = std::make_unique<SignedJobs>(*journal, clock, *guard, operators(), policy,
                                      std::string{host_id});
  rotation = std::make_unique<KeyRotation>(*journal, clock, *jobs, operators(), policy, Logger{});
}

signing::OperatorsFile Desk::operators() const {
  return signing::OperatorsFile{folder + "/operators", ::geteuid()};
}

void Desk::write_operators(const std::string& text) const {
  std::ofstream{folder + "/operators", std::ios::binary} << text;
  ::chmod((folder + "/operators").c_str(), 0644);
}

void Desk::put_guest(const Provenance& row) {
  const auto written = journal->commit([&](Writes& writes) { return writes.put(row); });
  if (!written) FAIL(written.error().describe());
}

Job Desk::destroy_acme(const std::string& id) const {
  Job job;
  job.id = id;
  job.action = "guest.destroy";
  job.host_id = host_id;
  job.guest = GuestBinding{acme, Incarnation{3}, "acme"};
  job.not_before = clock.now() - std::chrono::minutes{1};
  job.expires = clock.now() + std::chrono::hours{24};
  job.params = {{"verb", "destroy_guest"}};
  job.reason = "ticket 4711";
  return job;
}

JobEnvelope Desk::sign(const Job& job, const std::vector<const forge::Pair*>& signers) {
  return sign_text(to_json(job), signers);
}

JobEnvelope Desk::sign_text(const std::string& text,
                            const std::vector<const forge::Pair*>& signers) {
  JobEnvelope envelope{text, {}};
  for (const forge::Pair* signer : signers)
    envelope.signatures.push_back(forge::sshsig(*signer, text));
  return envelope;
}

std::string Desk::submit(const JobEnvelope& envelope) {
  const auto answer = intake->submit(envelope);
  if (!answer) return answer.error().describe();
  switch (answer->kind) {
    case Answer::Kind::accepted: return "accepted";
    case Answer::Kind::known: return "known";
    case Answer::Kind::refused:
    case Answer::Kind::deferred: break;
  }
  CHECK(answer->message.size() > 5);
  return answer->code;
}

std::vector<AuditEntry> Desk::audit(std::string_view kind) const {
  std::vector<AuditEntry> entries = journal->audit_tail(1000).value();
  std::erase_if(entries, [&](const AuditEntry& entry) { return entry.kind != kind; });
  return entries;
}

}  // namespace holdfast::jobs
