// SPDX-License-Identifier: Apache-2.0
// What older programs wrote.
#include "journal/migrations.hpp"

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
