// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gate/gate.hpp"
#include "journal/journal.hpp"
#include "tests/catch.hpp"
#include "tests/gate/samples.hpp"

namespace holdfast::gate {

class SettableClock final : public Clock {
 public:
  Time now() const override { return now_; }
  Duration elapsed() const override { return now_ - noon; }
  void advance(Duration by) { now_ += by; }

 private:
  Time now_ = noon;
};

class CountingRandom final : public Random {
 public:
  std::uint64_t next() override { return ++last_ * 0x9e3779b97f4a7c15ULL; }

 private:
  std::uint64_t last_ = 0;
};

// A gate over a journal of its own, in memory, committing on the calling thread.
struct GatedJournal {
  explicit GatedJournal(CommitObserver* observer = nullptr)
      : journal{open(clock, observer)}, gate{*journal, clock, random} {}

  static std::unique_ptr<Journal> open(const Clock& clock, CommitObserver* observer) {
    auto opened = Journal::open({.path = ":memory:",
                                 .writer = JournalOptions::Writer::inline_writer,
                                 .sync = false,
                                 .observer = observer},
                                clock);
    if (!opened) FAIL(opened.error().describe());
    return std::move(opened).value();
  }

  std::vector<AuditEntry> audit(std::string_view kind) const {
    std::vector<AuditEntry> entries = journal->audit_tail(1000).value();
    std::erase_if(entries, [&](const AuditEntry& entry) { return entry.kind != kind; });
    return entries;
  }

  SettableClock clock{};
  CountingRandom random{};
  std::unique_ptr<Journal> journal;
  Gate gate;
};

inline TicketDetail acme_detail() {
  return {.host_id = std::string(32, '7'),
          .guest_name = "acme",
          .effects = {"guest acme is stopped and its disks are kept for 7 days"}};
}

inline Permit take_permit(Result<std::variant<Permit, Refusal>> answer) {
  if (!answer) FAIL(answer.error().describe());
  auto value = std::move(answer).value();
  if (const auto* refusal = std::get_if<Refusal>(&value)) FAIL(refusal->decision.sentence);
  return std::get<Permit>(std::move(value));
}

inline Refusal take_refusal(Result<std::variant<Permit, Refusal>> answer) {
  if (!answer) FAIL(answer.error().describe());
  auto value = std::move(answer).value();
  if (std::holds_alternative<Permit>(value)) FAIL("a permit was given");
  return std::get<Refusal>(std::move(value));
}

}  // namespace holdfast::gate
