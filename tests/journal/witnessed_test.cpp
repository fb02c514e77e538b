// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "journal/migrations.hpp"
#include "journal/open_file.hpp"
#include "tests/journal/fixture.hpp"

using namespace holdfast;
using namespace holdfast::journal_testing;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

// Time as the machine's owner sees it: `set` is not time that passes.
class TwoClocks final : public Clock {
 public:
  Time now() const override { return wall_; }
  Duration elapsed() const override { return elapsed_; }
  void advance(Duration by) {
    wall_ += by;
    elapsed_ += by;
  }
  void set(Duration by) { wall_ += by; }
  void reboot() { elapsed_ = Duration{3}; }

 private:
  Time wall_{Duration{1'790'000'000'000}};
  Duration elapsed_{hours{1'000}};
};

Provenance tombstone(const Clock& clock) {
  Provenance row;
  row.uuid = Uuid{{1}};
  row.subject = "guest/acme";
  row.origin = Origin::created;
  row.life = Life::tombstone;
  row.tombstoned_at = clock.now();
  return row;
}

Result<void> put(Journal& journal, const Provenance& row) {
  return journal.commit([&](Writes& writes) { return writes.put(row); });
}

struct Witness {
  ScratchFolder folder{};
  TwoClocks clock{};
  std::unique_ptr<Journal> journal = open();

  std::unique_ptr<Journal> open() const {
    return open_journal(inline_options(folder.file("journal")), clock);
  }
  void reopen() {
    journal.reset();
    journal = open();
  }
};

}  // namespace

TEST_CASE_METHOD(Witness, "witnessed: counts what passes, not what the wall clock says",
                 "[journal][witnessed]") {
  CHECK(journal->witnessed() == Duration::zero());
  clock.advance(hours{5});
  CHECK(journal->witnessed() == hours{5});
  clock.set(hours{10'000});
  CHECK(journal->witnessed() == hours{5});
  clock.set(-hours{20'000});
  clock.advance(minutes{1});
  CHECK(journal->witnessed() == hours{5} + minutes{1});
}

TEST_CASE_METHOD(Witness, "witnessed: goes on after a restart and a reboot from the last commit",
                 "[journal][witnessed]") {
  clock.advance(hours{5});
  REQUIRE(set_fact(*journal, "any", "thing"));
  clock.advance(minutes{20});
  reopen();  // the twenty minutes are forgotten
  CHECK(journal->witnessed() == hours{5});
  journal.reset();
  clock.advance(hours{700});  // nobody was there
  clock.reboot();
  journal = open();
  CHECK(journal->witnessed() == hours{5});
  clock.advance(hours{2});
  CHECK(journal->witnessed() == hours{7});
}

TEST_CASE_METHOD(Witness, "witnessed: is kept once an hour where nothing else is written",
                 "[journal][witnessed]") {
  REQUIRE(set_fact(*journal, "any", "thing"));
  clock.advance(minutes{59});
  CHECK_FALSE(journal->owes_witnessed());
  REQUIRE(journal->keep_witnessed());
  CHECK(journal->since_last_commit() == minutes{59});
  clock.advance(minutes{1});
  CHECK(journal->owes_witnessed());
  REQUIRE(journal->keep_witnessed());
  CHECK(journal->since_last_commit() == Duration::zero());
  clock.advance(minutes{30});
  REQUIRE(journal->keep_witnessed());
  CHECK(journal->since_last_commit() == minutes{30});
  reopen();
  CHECK(journal->witnessed() == hours{1});
}

TEST_CASE_METHOD(Witness, "witnessed: a body that changes nothing costs no write all the same",
                 "[journal][witnessed]") {
  REQUIRE(set_fact(*journal, "any", "thing"));
  clock.advance(hours{3});
  REQUIRE(set_fact(*journal, "any", "thing"));
  CHECK(journal->since_last_commit() == hours{3});
}

TEST_CASE_METHOD(Witness, "witnessed: a reader sees what was kept", "[journal][witnessed]") {
  clock.advance(hours{2});
  REQUIRE(set_fact(*journal, "any", "thing"));
  clock.advance(hours{1});
  JournalOptions options = inline_options(folder.file("journal"));
  options.read_only = true;
  const auto reader = open_journal(options, clock);
  clock.advance(hours{1});
  CHECK(reader->witnessed() == hours{2});
}

TEST_CASE_METHOD(Witness, "witnessed: the journal itself says when a tombstone was made",
                 "[journal][witnessed]") {
  const auto stamp = [&] { return journal->provenance(Uuid{{1}}).value()->tombstoned_witnessed; };
  clock.advance(hours{2});
  Provenance row = tombstone(clock);
  row.tombstoned_witnessed = -hours{100};  // is not looked at
  REQUIRE(put(*journal, row));
  CHECK(stamp() == hours{2});
  clock.advance(hours{2});
  row.detail = "{}";
  REQUIRE(put(*journal, row));
  CHECK(stamp() == hours{2});
  row.life = Life::live;
  row.tombstoned_at.reset();
  REQUIRE(put(*journal, row));
  CHECK(stamp() == Duration::zero());
  REQUIRE(put(*journal, tombstone(clock)));
  CHECK(stamp() == hours{4});
}

TEST_CASE("witnessed: tombstones of an older journal are kept as long again",
          "[journal][witnessed]") {
  const ScratchFolder folder;
  const StoppedClock clock;
  const std::string path = folder.file("journal");
  write_file(path, "");
  std::string script;
  for (std::size_t version = 0; version < 4; ++version) script += journal_migrations().at(version);
  tamper(path, script +
                   "INSERT INTO provenance(uuid, incarnation, subject, origin, created_by, life, "
                   "data_bearing, detail, created_at, updated_at, tombstoned_at) VALUES('" +
                   to_string(Uuid{{1}}) +
                   "', 1, 'guest/acme', 'created', 1, 'tombstone', 1, '{}', 1, 1, 1);"
                   "PRAGMA application_id = " +
                   std::to_string(journal_application_id) +
                   "; PRAGMA user_version = 4; PRAGMA journal_mode = WAL;");
  const auto journal = open_journal(inline_options(path), clock);
  CHECK(journal->witnessed() == Duration::zero());
  const Provenance row = *journal->provenance(Uuid{{1}}).value();
  CHECK(row.tombstoned_at == Time{Duration{1}});
  CHECK(row.tombstoned_witnessed == Duration::zero());
}
