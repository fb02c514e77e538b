// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "hub/enrolment.hpp"
#include "hub/generations.hpp"
#include "hub/services.hpp"
#include "hub/sync_desk.hpp"
#include "schema/hub_report.hpp"

namespace holdfast::hub {

struct EditOrder {
  std::string host{};  // id
  std::string author{};
  std::string comment{};
  bool is_dry_run = false;
};

struct SilenceOrder {
  std::string host{};   // id; empty: every host
  std::string alert{};  // empty: every alert
  Duration time{};
  std::string reason{};
  std::string author{};
};

// What operators can ask and order. Thread-safe; waits for the disk, so not on a network
// thread. Hosts are named by their id (Hosts::resolve).
class OperatorDesk {
 public:
  OperatorDesk(const Services& services, SyncDesk& polls, Credentials credentials)
      : to_{services}, polls_{polls}, credentials_{std::move(credentials)} {}

  Result<std::vector<HubHostReport>> hosts() const;
  Result<HubHostReport> host(const std::string& id) const;
  // With its history, jobs and key; its alerts end.
  Result<void> remove(const std::string& id, const std::string& author);

  // A new generation with the edit applied; the same content makes none. See edited() for errors.
  Result<HubApplyReport> apply(const EditOrder& order, const Edit& edit);
  // A new generation with the content of an old one.
  Result<HubApplyReport> roll_back(const EditOrder& order, std::uint64_t generation);
  Result<std::vector<GenerationReport>> history(const std::string& id, std::size_t limit) const;
  Result<GenerationReport> generation(const std::string& id, std::uint64_t number) const;
  // `from` 0: nothing; `to` 0: the newest.
  Result<DiffReport> diff(const std::string& id, std::uint64_t from, std::uint64_t to) const;

  // `envelope` is JSON as it travels. The same payload once more adds its signatures; one that
  // has its result is Errc::conflict.
  Result<HubJobReport> put_job(const std::string& id, const std::string& envelope,
                               const std::string& author);
  Result<std::vector<HubJobReport>> jobs(const std::string& id, std::size_t limit) const;

  Result<EnrollTokenReport> enroll_token(const std::string& author);

  Result<std::vector<AlertReport>> alerts(std::size_t limit, bool only_holding) const;
  Result<SilenceReport> silence(const SilenceOrder& order);
  // Ends it now.
  Result<SilenceReport> end_silence(const std::string& silence);
  Result<std::vector<SilenceReport>> silences() const;  // that have not ended

 private:
  Result<HubApplyReport> store(const EditOrder& order, const HostDesiredState& before,
                               HostDesiredState after);
  Result<HostDesiredState> newest(const std::string& id) const;
  Result<HostDesiredState> content(const std::string& id, std::uint64_t generation) const;

  Services to_;
  SyncDesk& polls_;
  Credentials credentials_;
  std::mutex editing_{};  // between reading the newest generation and storing the next
};

}  // namespace holdfast::hub
