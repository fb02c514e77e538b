// SPDX-License-Identifier: Apache-2.0
#include "hub/heartbeat_log.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <system_error>
#include <utility>

namespace holdfast::hub {
namespace {

using sqlite::Connection;
using Newest = std::map<std::string, Beat, std::less<>>;

std::int64_t whole(std::uint64_t value) { return static_cast<std::int64_t>(value); }
std::uint64_t natural(std::int64_t value) { return static_cast<std::uint64_t>(value); }

HostMode mode_of(std::string_view name) {
  return name == to_string(HostMode::normal) ? HostMode::normal : HostMode::observe_only;
}

// The words of one line, in their order.
class Words {
 public:
  explicit Words(std::string_view line) : rest_{line} {}

  std::string_view text() {
    const auto word = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(std::min(word.size() + 1, rest_.size()));
    is_good_ = is_good_ && !word.empty();
    return word;
  }
  template <class Number>
  Number number() {
    const auto word = text();
    Number value{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    is_good_ = is_good_ && error == std::errc{} && end == word.data() + word.size();
    return value;
  }
  bool were_all() const { return is_good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool is_good_ = true;
};

Result<Beat> read_line(std::string_view line) {
  Words words{line};
  Beat beat{std::string{words.text()}, Time{Duration{words.number<std::int64_t>()}}, {}};
  beat.said.session = words.text();
  beat.said.sequence = words.number<std::uint64_t>();
  beat.said.pass_age = Duration{words.number<std::int64_t>()};
  beat.said.journal_age = Duration{words.number<std::int64_t>()};
  beat.said.open_operations = words.number<std::uint32_t>();
  beat.said.generation = words.number<std::uint64_t>();
  beat.said.mode = mode_of(words.text());
  if (!words.were_all()) return Error{Errc::corrupt, "a line of the heartbeat log is damaged"};
  return beat;
}

Result<void> read_log(Connection& database, Newest& newest) {
  auto rows = TRY(database.prepare("SELECT beats FROM heartbeat_log ORDER BY id"));
  while (TRY(rows.next())) {
    const std::string lines = rows.text(0);
    for (std::string_view rest = lines; !rest.empty();) {
      const auto line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      auto beat = TRY(read_line(line));
      std::string host = beat.host;
      newest.insert_or_assign(std::move(host), std::move(beat));
    }
  }
  return ok();
}

Result<void> read_table(Connection& database, Newest& newest) {
  auto rows = TRY(database.prepare(
      "SELECT host, at, session, sequence, pass_age, journal_age, open_operations, generation, "
      "mode FROM heartbeats"));
  while (TRY(rows.next())) {
    Beat beat{rows.text(0), rows.time(1), {}};
    beat.said.session = rows.text(2);
    beat.said.sequence = natural(rows.integer(3));
    beat.said.pass_age = Duration{rows.integer(4)};
    beat.said.journal_age = Duration{rows.integer(5)};
    beat.said.open_operations = static_cast<std::uint32_t>(rows.integer(6));
    beat.said.generation = natural(rows.integer(7));
    beat.said.mode = mode_of(rows.text(8));
    newest.emplace(rows.text(0), std::move(beat));
  }
  return ok();
}

Result<void> put(Connection& database, const Beat& beat) {
  const Heartbeat& said = beat.said;
  // Of a host that was removed meanwhile nothing is kept.
  return database.run(
      "INSERT INTO heartbeats(host, at, session, sequence, pass_age, journal_age, "
      "open_operations, generation, mode) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? "
      "WHERE EXISTS (SELECT 1 FROM hosts WHERE id = ?1) "
      "ON CONFLICT(host) DO UPDATE SET at = excluded.at, session = excluded.session, "
      "sequence = excluded.sequence, pass_age = excluded.pass_age, "
      "journal_age = excluded.journal_age, open_operations = excluded.open_operations, "
      "generation = excluded.generation, mode = excluded.mode",
      beat.host, beat.at, said.session, whole(said.sequence), said.pass_age.count(),
      said.journal_age.count(), std::int64_t{said.open_operations}, whole(said.generation),
      to_string(said.mode));
}

template <class Number>
void add(std::string& line, Number value) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  line.append(digits.data(), end).push_back(' ');
}

}  // namespace

std::string log_line(const Beat& beat) {
  const Heartbeat& said = beat.said;
  std::string line;
  line.reserve(160);
  line.append(beat.host).push_back(' ');
  add(line, beat.at.time_since_epoch().count());
  line.append(said.session).push_back(' ');
  add(line, said.sequence);
  add(line, said.pass_age.count());
  add(line, said.journal_age.count());
  add(line, said.open_operations);
  add(line, said.generation);
  line.append(to_string(said.mode)).push_back('\n');
  return line;
}

Result<void> append_to_log(Connection& database, std::string_view lines) {
  return database.run("INSERT INTO heartbeat_log(beats) VALUES(?)", lines);
}

Result<void> fold_log(Connection& database) {
  Newest newest;
  TRY(read_log(database, newest));
  for (const auto& [host, beat] : newest) TRY(put(database, beat));
  return database.run("DELETE FROM heartbeat_log");
}

Result<std::vector<Beat>> newest_beats(Connection& database) {
  Newest newest;
  TRY(read_table(database, newest));
  TRY(read_log(database, newest));
  std::vector<Beat> known;
  for (auto& [host, beat] : newest) {
    auto is_known = TRY(database.prepare("SELECT 1 FROM hosts WHERE id = ?", host));
    if (TRY(is_known.next())) known.push_back(std::move(beat));
  }
  return known;
}

}  // namespace holdfast::hub
