// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "jobs/intake.hpp"
#include "jobs/key_rotation.hpp"
#include "jobs/signed_jobs.hpp"
#include "journal/journal.hpp"
#include "tests/signing/forge.hpp"

namespace holdfast::jobs {

class MovableClock final : public Clock {
 public:
  Time now() const override { return now_; }
  Duration elapsed() const override { return elapsed_; }
  void advance(Duration by) {
    now_ += by;
    elapsed_ += by;
  }
  void set_back(Duration by) { now_ -= by; }  // somebody does, and no time passes

 private:
  Time now_ = parse_time("2026-11-25T12:00:00Z").value();
  Duration elapsed_{};
};

class SwitchedKernelClock final : public KernelClock {
 public:
  bool is_synchronised() const override { return is_good; }
  bool is_good = true;
};

class KnownPrints final : public GuestPrints {
 public:
  Result<std::string> fingerprint(const Uuid& uuid) override;
  std::map<Uuid, std::string> prints{};
  bool is_away = false;
};

// An intake with what it needs, over a journal and an operators' file in a folder of its own.
// Anna and Ben have plain keys, Clara a token's.
class Desk {
 public:
  static constexpr std::string_view host_id = "9f86d081884c7d659a2feaa0c55ad015";
  static const forge::Pair anna;
  static const forge::Pair ben;
  static const forge::Pair clara;
  static const Uuid acme;

  explicit Desk(CommitObserver* observer = nullptr);
  ~Desk();
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  // A new daemon over the same files; the old one is gone.
  void restart();
  void write_operators(const std::string& text) const;
  void put_guest(const Provenance& row);

  Job destroy_acme(const std::string& id = std::string(32, '1')) const;
  static JobEnvelope sign(const Job& job, const std::vector<const forge::Pair*>& signers = {&anna});
  static JobEnvelope sign_text(const std::string& text,
                               const std::vector<const forge::Pair*>& signers = {&anna});
  // "accepted", "known", or the code.
  std::string submit(const JobEnvelope& envelope);
  std::vector<AuditEntry> audit(std::string_view kind) const;

  MovableClock clock{};
  SwitchedKernelClock kernel{};
  KnownPrints guests{};
  Policy policy{};
  std::vector<std::string> woken{};
  std::string folder{};
  std::unique_ptr<Journal> journal{};
  std::unique_ptr<ClockGuard> guard{};
  std::unique_ptr<Intake> intake{};
  std::unique_ptr<SignedJobs> jobs{};
  std::unique_ptr<KeyRotation> rotation{};

  signing::OperatorsFile operators() const;

 private:
  CommitObserver* observer_;
};

}  // namespace holdfast::jobs
