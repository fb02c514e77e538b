// SPDX-License-Identifier: Apache-2.0
// What older programs wrote, and what the tables' shape costs.
#include "journal/migrations.hpp"

#include <set>

#include "journal/open_file.hpp"
#include "tests/journal/fixture.hpp"

using namespace holdfast;
using namespace holdfast::journal_testing;

namespace {

constexpr std::size_t with_lists_in_checks = 5;

// A journal as a program wrote it that knew `version` migrations.
struct Older {
  ScratchFolder folder{};
  StoppedClock clock{};
  std::string path = folder.file("journal");

  void write(std::size_t version, const std::string& rows) {
    std::ofstream{path}.close();
    std::string script;
    for (std::size_t i = 0; i < version; ++i) script += journal_migrations().at(i);
    tamper(path, script + rows +
                     "PRAGMA application_id = " + std::to_string(journal_application_id) +
                     "; PRAGMA user_version = " + std::to_string(version) +
                     "; PRAGMA journal_mode = WAL;");
  }
};

constexpr const char* rows_of_version_5 =
    "INSERT INTO conditions VALUES('guest/acme', 'Ready', 'Unknown', 'R7', 'm7', 4, 7);"
    "INSERT INTO condition_transitions VALUES"
    "(6, 'guest/acme', 'Ready', 'True', 'R6', 'm6', 3, 6),"
    "(7, 'guest/acme', 'Ready', 'Unknown', 'R7', 'm7', 4, 7);";

void check_condition(const ConditionRecord& condition, ConditionStatus status, int number) {
  CHECK(condition.type == "Ready");
  CHECK(condition.status == status);
  CHECK(condition.reason == "R" + std::to_string(number));
  CHECK(condition.message == "m" + std::to_string(number));
  CHECK(condition.observed_generation == (status == ConditionStatus::yes ? 3 : 4));
  CHECK(condition.changed == Time{Duration{number}});
}

std::set<std::string>& statements() {
  static std::set<std::string> all;
  return all;
}

int remember(unsigned, void*, void* statement, void*) {
  statements().insert(sqlite3_sql(static_cast<sqlite3_stmt*>(statement)));
  return 0;
}

int attach(sqlite3* database, const char**, const void*) {
  return sqlite3_trace_v2(database, SQLITE_TRACE_PROFILE, &remember, nullptr);
}

// Every connection that is opened during its life adds what it runs to `statements`.
class Recorder {
 public:
  Recorder() { REQUIRE(sqlite3_auto_extension(entry()) == SQLITE_OK); }
  ~Recorder() {
    sqlite3_cancel_auto_extension(entry());
    statements().clear();
  }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

 private:
  static void (*entry())() { return reinterpret_cast<void (*)()>(&attach); }
};

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

TEST_CASE_METHOD(Older, "migrations: version 5 keeps its conditions and their history",
                 "[journal]") {
  write(with_lists_in_checks, rows_of_version_5);
  const auto journal = open_journal(inline_options(path), clock);
  const auto conditions = journal->conditions("guest/acme").value();
  REQUIRE(conditions.size() == 1);
  check_condition(conditions[0], ConditionStatus::unknown, 7);
  const auto history = journal->condition_history("guest/acme", "Ready").value();
  REQUIRE(history.size() == 2);
  check_condition(history[0], ConditionStatus::unknown, 7);
  check_condition(history[1], ConditionStatus::yes, 6);
  CHECK(journal->verify());
}

TEST_CASE("migrations: what is written most makes SQLite build no table of its own", "[journal]") {
  const Recorder recorder;
  InMemory memory;
  statements().clear();
  live_a_little(*memory.journal);
  const std::set<std::string> ran = statements();
  sqlite3* raw = nullptr;
  REQUIRE(sqlite3_open(":memory:", &raw) == SQLITE_OK);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> database{raw, sqlite3_close};
  std::string script;
  for (const std::string& migration : journal_migrations()) script += migration;
  REQUIRE(sqlite3_exec(raw, script.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  std::set<std::string> kinds;
  for (const std::string& sql : ran) {
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
