// SPDX-License-Identifier: Apache-2.0
#include "journal/rows.hpp"
#include "journal/select.hpp"
#include "journal/store.hpp"

namespace holdfast {

using sqlite::Connection;

Result<bool> Journal::job_seen(std::string_view job_id) const {
  return store_->read([&](Connection& database) -> Result<bool> {
    auto row = TRY(database.prepare("SELECT 1 FROM jobs_seen WHERE job_id = ?", job_id));
    return row.next();
  });
}

Result<std::optional<JobRecord>> Journal::job(std::string_view id) const {
  return store_->read([&](Connection& database) {
    return first(select(database, read_job, job_columns,
                        "jobs WHERE id = ? ORDER BY accepted_at IS NULL, sequence DESC LIMIT 1",
                        id));
  });
}

Result<std::optional<JobRecord>> Journal::job_of_payload(std::string_view payload_sha256) const {
  return store_->read([&](Connection& database) {
    return first(
        select(database, read_job, job_columns, "jobs WHERE payload_sha256 = ?", payload_sha256));
  });
}

Result<std::vector<JobRecord>> Journal::jobs(std::size_t limit, std::string_view subject) const {
  const auto most = static_cast<std::int64_t>(limit);
  return store_->read([&](Connection& database) {
    if (subject.empty())
      return select(database, read_job, job_columns, "jobs ORDER BY sequence DESC LIMIT ?", most);
    return select(database, read_job, job_columns,
                  "jobs WHERE subject = ? ORDER BY sequence DESC LIMIT ?", subject, most);
  });
}

Result<std::optional<JobRecord>> Journal::job_of(OperationId operation) const {
  return store_->read([&](Connection& database) {
    return first(select(database, read_job, job_columns,
                        "jobs WHERE operation = ? AND operation > 0 LIMIT 1", operation));
  });
}

Result<bool> Journal::Store::no_job_waits() {
  const std::uint64_t version = version_;
  if (no_job_waits_at_ == version) return true;
  auto waits = read([](Connection& database) -> Result<bool> {
    auto row = TRY(database.prepare(
        "SELECT 1 FROM jobs INDEXED BY jobs_waiting WHERE state = 'accepted' LIMIT 1"));
    return row.next();
  });
  if (!waits) return std::move(waits).error();
  if (*waits) return false;
  // A journal that is only read is written by another process, whose commits nobody counts.
  if (!options_.read_only) no_job_waits_at_ = version;
  return true;
}

Result<std::vector<JobRecord>> Journal::waiting_jobs(std::string_view subject) const {
  if (TRY(store_->no_job_waits())) return std::vector<JobRecord>{};
  return store_->read([&](Connection& database) {
    return select(database, read_job, job_columns,
                  "jobs WHERE state = 'accepted' AND subject = ? ORDER BY sequence", subject);
  });
}

Result<std::vector<JobRecord>> Journal::waiting_jobs() const {
  if (TRY(store_->no_job_waits())) return std::vector<JobRecord>{};
  return store_->read([](Connection& database) {
    return select(database, read_job, job_columns,
                  "jobs INDEXED BY jobs_waiting WHERE state = 'accepted' ORDER BY sequence");
  });
}

Result<std::vector<JobRecord>> Journal::unacknowledged_jobs(std::size_t limit) const {
  return store_->read([&](Connection& database) {
    return select(database, read_job, job_columns,
                  "jobs WHERE ended_at IS NOT NULL AND acknowledged_at IS NULL "
                  "ORDER BY sequence LIMIT ?",
                  static_cast<std::int64_t>(limit));
  });
}

}  // namespace holdfast
