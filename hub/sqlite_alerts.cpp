// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <utility>

#include "hub/sqlite_tables.hpp"

namespace holdfast::hub {
namespace {

using sqlite::Connection;
using sqlite::Statement;

class Alerts final : public AlertTable {
 public:
  explicit Alerts(Connection& database) : db_{database} {}

  Result<void> add(const Alert& alert) override {
    return db_.run(
        "INSERT INTO alerts(id, alert, host, hostname, at, ended, silence, message) "
        "VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        alert.id, alert.alert, alert.host, alert.hostname, alert.at, alert.ended, alert.silence,
        alert.message);
  }
  Result<void> end(std::string_view id, Time now) override {
    return db_.run("UPDATE alerts SET ended = ? WHERE id = ? AND ended IS NULL", now, id);
  }
  Result<void> clear_silence(std::string_view id) override {
    return db_.run("UPDATE alerts SET silence = '' WHERE id = ?", id);
  }
  Result<std::vector<Alert>> holding() override {
    return read_all(
        TRY(db_.prepare(std::string{columns} + "WHERE a.ended IS NULL ORDER BY a.sequence")));
  }
  Result<std::vector<Alert>> recent(std::size_t limit) override {
    return read_all(TRY(db_.prepare(std::string{columns} + "ORDER BY a.sequence DESC LIMIT ?",
                                    static_cast<std::int64_t>(limit))));
  }
  Result<void> owe(const Delivery& delivery) override {
    return db_.run("INSERT OR IGNORE INTO deliveries(alert, receiver, body) VALUES(?, ?, ?)",
                   delivery.alert, delivery.receiver, delivery.body);
  }
  Result<std::vector<Delivery>> owed(std::string_view receiver, std::size_t limit) override {
    auto rows = TRY(
        db_.prepare("SELECT d.alert, a.host, d.receiver, d.body, d.attempts FROM deliveries AS d "
                    "JOIN alerts AS a ON a.id = d.alert WHERE d.receiver = ? AND d.taken IS NULL "
                    "ORDER BY a.sequence LIMIT ?",
                    receiver, static_cast<std::int64_t>(limit)));
    std::vector<Delivery> found;
    while (TRY(rows.next()))
      found.push_back({rows.text(0), rows.text(1), rows.text(2), rows.text(3),
                       static_cast<std::uint32_t>(rows.integer(4))});
    return found;
  }
  Result<void> note_attempt(const Delivery& delivery) override {
    return db_.run("UPDATE deliveries SET attempts = attempts + 1 WHERE alert = ? AND receiver = ?",
                   delivery.alert, delivery.receiver);
  }
  Result<void> note_taken(const Delivery& delivery, Time now) override {
    return db_.run(
        "UPDATE deliveries SET taken = ?, attempts = attempts + 1 WHERE alert = ? AND "
        "receiver = ?",
        now, delivery.alert, delivery.receiver);
  }
  Result<std::size_t> owe_only(const std::vector<std::string>& receivers) override {
    std::vector<std::string> owed;
    auto rows = TRY(db_.prepare("SELECT DISTINCT receiver FROM deliveries WHERE taken IS NULL"));
    while (TRY(rows.next())) owed.push_back(rows.text(0));
    std::int64_t count = 0;
    for (const auto& receiver : owed) {
      if (std::find(receivers.begin(), receivers.end(), receiver) != receivers.end()) continue;
      TRY(db_.run("DELETE FROM deliveries WHERE receiver = ? AND taken IS NULL", receiver));
      count += db_.changed();
    }
    return static_cast<std::size_t>(count);
  }
  Result<void> put(const Silence& silence) override {
    return db_.run(
        "INSERT INTO silences(id, host, alert, starts, ends, reason, author) "
        "VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET ends = excluded.ends",
        silence.id, silence.host, silence.alert, silence.starts, silence.ends, silence.reason,
        silence.author);
  }
  Result<std::vector<Silence>> silences() override {
    auto rows = TRY(db_.prepare(
        "SELECT id, host, alert, starts, ends, reason, author FROM silences ORDER BY ends, id"));
    std::vector<Silence> found;
    while (TRY(rows.next()))
      found.push_back({rows.text(0), rows.text(1), rows.text(2), rows.time(3), rows.time(4),
                       rows.text(5), rows.text(6)});
    return found;
  }
  Result<void> forget(Time before) override {
    TRY(db_.run("DELETE FROM silences WHERE ends < ?", before));
    return db_.run(
        "DELETE FROM alerts WHERE at < ? AND ended IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM deliveries WHERE alert = alerts.id AND taken IS NULL)",
        before);
  }

 private:
  static constexpr std::string_view columns =
      "SELECT a.id, a.alert, a.host, a.hostname, a.at, a.ended, a.silence, a.message, "
      "(SELECT count(*) FROM deliveries WHERE alert = a.id AND taken IS NULL), "
      "(SELECT count(*) FROM deliveries WHERE alert = a.id) FROM alerts AS a ";

  static Result<std::vector<Alert>> read_all(Statement rows) {
    std::vector<Alert> found;
    while (TRY(rows.next())) {
      Alert alert{rows.text(0), rows.text(1), rows.text(2), rows.text(3),
                  rows.time(4), {},           rows.text(6), rows.text(7)};
      if (!rows.is_null(5)) alert.ended = rows.time(5);
      alert.undelivered = static_cast<std::uint32_t>(rows.integer(8));
      alert.deliveries = static_cast<std::uint32_t>(rows.integer(9));
      found.push_back(std::move(alert));
    }
    return found;
  }
  Connection& db_;
};

}  // namespace

std::unique_ptr<AlertTable> alert_table(Connection& database) {
  return std::make_unique<Alerts>(database);
}

}  // namespace holdfast::hub
