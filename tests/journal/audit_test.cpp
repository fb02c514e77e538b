// SPDX-License-Identifier: Apache-2.0
#include "base/sha256.hpp"
#include "tests/journal/fixture.hpp"

using namespace holdfast;
using namespace holdfast::journal_testing;

namespace {

Result<void> write_audit(Journal& journal, const std::string& detail) {
  return journal.commit([&](Writes& w) { return w.audit("permit", "guest/acme", detail); });
}

// A journal on disk with five entries, closed.
struct FiveEntries {
  ScratchFolder folder{};
  StoppedClock clock{};
  std::string path = folder.file("journal");

  FiveEntries() {
    const auto journal = open_journal(inline_options(path), clock);
    for (int i = 1; i <= 5; ++i) {
      clock.advance(Duration{1});
      REQUIRE(write_audit(*journal, "detail " + std::to_string(i)));
    }
    REQUIRE(journal->verify_audit());
  }

  std::string verdict() {
    const auto result = open_journal(inline_options(path), clock)->verify_audit();
    if (result) return "whole";
    CHECK(result.error().code() == Errc::corrupt);
    return result.error().message();
  }
};

}  // namespace

TEST_CASE_METHOD(FiveEntries, "audit: each entry carries the hash of the one before",
                 "[journal][audit]") {
  const auto journal = open_journal(inline_options(path), clock);
  const auto entries = journal->audit_tail(10).value();
  REQUIRE(entries.size() == 5);
  CHECK(entries.front().previous == std::string(64, '0'));
  for (std::size_t i = 1; i < entries.size(); ++i) {
    CHECK(entries[i].sequence == entries[i - 1].sequence + 1);
    CHECK(entries[i].previous == entries[i - 1].hash);
  }
  CHECK(journal->audit_tail(2).value().front().sequence == 4);
}

TEST_CASE_METHOD(FiveEntries, "audit: the hash is the documented one", "[journal][audit]") {
  const auto entry = open_journal(inline_options(path), clock)->audit_tail(5).value().front();
  std::string text;
  for (const std::string& field :
       {std::string{"holdfast-audit-1"}, entry.previous, std::string{"1"}, to_string(entry.at),
        std::string{"permit"}, std::string{"guest/acme"}, std::string{"detail 1"}}) {
    text += std::to_string(field.size()) + ":" + field;
  }
  CHECK(entry.hash == to_hex(sha256(text)));
}

TEST_CASE_METHOD(FiveEntries, "audit: every edited field is found and named", "[journal][audit]") {
  const std::string change =
      GENERATE("at = at + 1", "kind = 'refusal'", "subject = 'guest/acm'", "detail = detail || ' '",
               "hash = replace(hash, substr(hash, 1, 1), 'f') || ''");
  tamper(path, "UPDATE audit SET " + change + " WHERE sequence = 3");
  const std::string found = verdict();
  CHECK((found.rfind("audit entry 3 ", 0) == 0 || found == "whole"));
  if (found == "whole") CHECK(change.find("hash") == 0);  // it happened to begin with f
}

TEST_CASE_METHOD(FiveEntries, "audit: text moved between two fields is found", "[journal][audit]") {
  tamper(path, "UPDATE audit SET kind = 'permitguest', subject = '/acme' WHERE sequence = 2");
  CHECK(verdict() == "audit entry 2 was changed");
}

TEST_CASE_METHOD(FiveEntries, "audit: a removed entry is found", "[journal][audit]") {
  tamper(path, "DELETE FROM audit WHERE sequence = 3");
  CHECK(verdict() == "audit entry 3 is missing");
}

TEST_CASE_METHOD(FiveEntries, "audit: a removed and closed up entry is found", "[journal][audit]") {
  tamper(path,
         "DELETE FROM audit WHERE sequence = 3; UPDATE audit SET sequence = 3 WHERE sequence = 4;"
         "UPDATE audit SET sequence = 4 WHERE sequence = 5");
  CHECK(verdict() == "audit entry 3 does not follow the one before");
}

TEST_CASE_METHOD(FiveEntries, "audit: exchanged entries are found", "[journal][audit]") {
  tamper(path,
         "UPDATE audit SET sequence = 99 WHERE sequence = 2; "
         "UPDATE audit SET sequence = 2 WHERE sequence = 3; "
         "UPDATE audit SET sequence = 3 WHERE sequence = 99");
  CHECK(verdict() == "audit entry 2 does not follow the one before");
}

TEST_CASE_METHOD(FiveEntries, "audit: a tail that was cut off is found", "[journal][audit]") {
  tamper(path, "DELETE FROM audit WHERE sequence > 3");
  CHECK(verdict().find("ends at entry 3") != std::string::npos);
  // and going on does not hide it
  REQUIRE(write_audit(*open_journal(inline_options(path), clock), "later"));
  CHECK(verdict() == "audit entry 4 is missing");
}

TEST_CASE_METHOD(FiveEntries, "audit: an emptied table is found", "[journal][audit]") {
  tamper(path, "DELETE FROM audit");
  CHECK(verdict().find("ends at entry 0") != std::string::npos);
}

TEST_CASE("audit: an empty chain is whole", "[journal][audit]") {
  const InMemory empty;
  CHECK(empty.journal->verify_audit());
  CHECK(empty.journal->verify());
}

TEST_CASE("audit: an entry is written with what it speaks of or not at all", "[journal][audit]") {
  const InMemory memory;
  CHECK_FALSE(memory.journal->commit([](Writes& w) -> Result<void> {
    TRY(w.audit("permit", "guest/acme", "{}"));
    return Error{Errc::denied, "after all"};
  }));
  CHECK(memory.journal->audit_tail(5).value().empty());
  REQUIRE(write_audit(*memory.journal, "x"));
  CHECK(memory.journal->audit_tail(5).value().front().sequence == 1);
}
