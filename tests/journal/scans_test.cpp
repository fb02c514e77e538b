// SPDX-License-Identifier: Apache-2.0
// What every pass asks of the journal, and what a host writes most, must cost little after years.
#include <algorithm>
#include <map>
#include <set>

#include "journal/migrations.hpp"
#include "tests/journal/fixture.hpp"

using namespace holdfast;
using namespace holdfast::journal_testing;

namespace {

constexpr int years_of_history = 300;  // closed things of each kind
constexpr int few = 20;                // rows stepped over without an index

// Counts, for each statement that a connection opened during its life runs, the rows that
// were stepped over one by one.
class ScanCounter {
 public:
  ScanCounter() { REQUIRE(sqlite3_auto_extension(entry()) == SQLITE_OK); }
  ~ScanCounter() {
    sqlite3_cancel_auto_extension(entry());
    scanned().clear();
  }
  ScanCounter(const ScanCounter&) = delete;
  ScanCounter& operator=(const ScanCounter&) = delete;

  static void forget() { scanned().clear(); }
  static const std::map<std::string, int>& all() { return scanned(); }

 private:
  static void (*entry())() { return reinterpret_cast<void (*)()>(&attach); }
  static std::map<std::string, int>& scanned() {
    static std::map<std::string, int> rows;
    return rows;
  }
  static int attach(sqlite3* database, const char**, const void*) {
    return sqlite3_trace_v2(database, SQLITE_TRACE_PROFILE, &count, nullptr);
  }
  static int count(unsigned, void*, void* statement, void*) {
    auto* ended = static_cast<sqlite3_stmt*>(statement);
    const int rows = sqlite3_stmt_status(ended, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
    int& most = scanned()[sqlite3_sql(ended)];
    most = std::max(most, rows);
    return 0;
  }
};

void live_through(Journal& journal, int n) {
  const std::string id = std::to_string(n);
  const auto written = journal.commit([&](Writes& w) -> Result<void> {
    const OperationId op = TRY(w.begin("guest.create", "guest/acme", "{}", false));
    TRY(w.close(op, OperationState::succeeded));
    JobRecord job;
    job.id = id;
    job.payload_sha256 = "payload " + id;
    job.subject = "guest/acme";
    job.expires = w.now() + std::chrono::hours{1};
    TRY(w.put_job(job));
    TRY(w.job_ended(id, JobState::done, "", "done"));
    TRY(w.job_acknowledged("payload " + id));
    TicketRecord ticket;
    ticket.id = id;
    ticket.subject = "guest/acme";
    ticket.key = "destroy";
    TRY(w.put(ticket));
    TRY(w.close_ticket(id));
    Provenance row;
    std::array<std::uint8_t, 16> bytes{};
    bytes[0] = static_cast<std::uint8_t>(n % 256);
    bytes[1] = static_cast<std::uint8_t>(n / 256);
    row.uuid = Uuid{bytes};
    row.subject = "guest/acme";
    row.life = Life::gone;
    return w.put(row);
  });
  if (!written) FAIL(written.error().describe());
}

// How many tables and sorters of its own SQLite makes when it runs `sql`.
int tables_of_its_own(sqlite3* database, const std::string& sql) {
  sqlite3_stmt* raw = nullptr;
  REQUIRE(sqlite3_prepare_v2(database, ("EXPLAIN " + sql).c_str(), -1, &raw, nullptr) == SQLITE_OK);
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> program{raw, sqlite3_finalize};
  int made = 0;
  while (sqlite3_step(raw) == SQLITE_ROW) {
    const std::string code = reinterpret_cast<const char*>(sqlite3_column_text(raw, 1));
    if (code == "OpenEphemeral" || code == "SorterOpen" || code == "OpenAutoindex") ++made;
  }
  return made;
}

// What a host writes most: what it says of a guest.
void live_a_little(Journal& journal) {
  const auto say = [&](ConditionStatus status) {
    return journal.commit([&](Writes& w) {
      return w.put("guest/acme", ConditionRecord{"Ready", status, "R", "m", 1, {}});
    });
  };
  for (int i = 0; i < 4; ++i) {
    REQUIRE(say(ConditionStatus::yes));
    REQUIRE(say(ConditionStatus::no));
  }
}

}  // namespace

TEST_CASE("journal: what every pass asks does not grow with what is over", "[journal]") {
  const ScanCounter counter;
  InMemory memory;
  Journal& journal = *memory.journal;
  for (int n = 0; n < years_of_history; ++n) live_through(journal, n);
  REQUIRE(journal.recent("", years_of_history * 2).value().size() == years_of_history);

  ScanCounter::forget();
  CHECK(journal.unfinished().value().empty());
  CHECK_FALSE(journal.unfinished("guest/acme").value());
  CHECK(journal.waiting_jobs().value().empty());
  CHECK(journal.waiting_jobs("guest/acme").value().empty());
  CHECK(journal.unacknowledged_jobs(100).value().empty());
  CHECK(journal.open_tickets().value().empty());
  CHECK(journal.all_provenance().value().empty());
  CHECK_FALSE(journal.owner_of("guest/acme").value());
  CHECK(journal.conditions("guest/acme").value().empty());
  CHECK(journal.corrections("guest/acme", memory.clock.now()).value().empty());
  REQUIRE(ScanCounter::all().size() >= 8);
  for (const auto& [sql, rows] : ScanCounter::all()) {
    CAPTURE(sql);
    CHECK(rows <= few);
  }
}

TEST_CASE("journal: what is written most makes SQLite build no table of its own", "[journal]") {
  const ScanCounter counter;
  InMemory memory;
  ScanCounter::forget();
  live_a_little(*memory.journal);
  const auto ran = ScanCounter::all();
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(":memory:", &raw) == SQLITE_OK);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> database{raw, sqlite3_close};
  std::string script;
  for (const std::string& migration : journal_migrations()) script += migration;
  REQUIRE(sqlite3_exec(raw, script.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  std::set<std::string> kinds;
  for (const auto& [sql, rows] : ran) {
    for (const char* table : {" conditions", " condition_transitions"}) {
      const auto at = sql.find(table);
      if (at == std::string::npos || sql.rfind("SELECT", 0) == 0) continue;
      CAPTURE(sql);
      CHECK(tables_of_its_own(raw, sql) == 0);
      kinds.insert(sql.substr(0, sql.find(' ')) + table);
    }
  }
  CHECK(kinds.size() == 3);  // both are inserted into, and history is cut
}

TEST_CASE("journal: that no job waits is remembered until something is committed", "[journal]") {
  InMemory memory;
  Journal& journal = *memory.journal;
  CHECK(journal.waiting_jobs().value().empty());
  JobRecord job;
  job.id = "00112233445566778899aabbccddeeff";
  job.payload_sha256 = "payload";
  job.subject = "guest/acme";
  job.expires = memory.clock.now() + std::chrono::hours{1};
  REQUIRE(journal.commit([&](Writes& w) { return w.put_job(job); }));
  CHECK(journal.waiting_jobs("guest/acme").value().size() == 1);
  CHECK(journal.waiting_jobs("guest/other").value().empty());
  CHECK(journal.waiting_jobs().value().size() == 1);
  REQUIRE(
      journal.commit([&](Writes& w) { return w.job_ended(job.id, JobState::refused, "", ""); }));
  CHECK(journal.waiting_jobs().value().empty());
}

TEST_CASE("journal: one that is only read sees jobs that another process accepts", "[journal]") {
  const ScratchFolder folder{fast_folder()};
  const StoppedClock clock;
  const auto journal = open_journal(inline_options(folder.file("journal")), clock);
  JournalOptions reading;
  reading.path = folder.file("journal");
  reading.read_only = true;
  const auto reader = open_journal(reading, clock);
  CHECK(reader->waiting_jobs().value().empty());
  JobRecord job;
  job.id = "00112233445566778899aabbccddeeff";
  job.payload_sha256 = "payload";
  job.subject = "guest/acme";
  job.expires = clock.now() + std::chrono::hours{1};
  REQUIRE(journal->commit([&](Writes& w) { return w.put_job(job); }));
  CHECK(reader->waiting_jobs().value().size() == 1);
}
