// SPDX-License-Identifier: Apache-2.0
#include "controller/signed_orders.hpp"

#include <algorithm>
#include <chrono>

#include "reconcilers/guest/guest_plan.hpp"

namespace holdfast {
namespace {

// A time server has to be found and asked first.
constexpr Duration clock_grace = std::chrono::minutes{10};

// The most operators that anything takes on this host.
std::size_t most_demanded(const std::map<std::string, std::uint32_t>& signers) {
  std::size_t most = 1;
  for (const auto& [action, count] : signers) most = std::max<std::size_t>(most, count);
  return most;
}

}  // namespace

SignedOrders::SignedOrders(SignedOrdersParts parts)
    : host_{parts.host},
      clock_{parts.clock},
      settings_{std::move(parts.settings)},
      log_{std::move(parts.log)},
      file_{settings_.operators, settings_.owner},
      guard_{parts.journal, parts.clock,
             settings_.requires_synchronized_clock
                 ? static_cast<const jobs::KernelClock&>(system_clock_)
                 : static_cast<const jobs::KernelClock&>(trusted_clock_)},
      intake_{jobs::IntakeParts{.journal = parts.journal,
                                .clock = parts.clock,
                                .guard = guard_,
                                .guests = *this,
                                .operators = file_,
                                .policy = {settings_.signers},
                                .host_id = parts.host_id,
                                .log = log_,
                                .on_accepted =
                                    [this](const std::string& subject) {
                                      auto wake = wake_.lock();
                                      if (*wake) (*wake)(subject);
                                    }}},
      jobs_{parts.journal, parts.clock, guard_, file_, {settings_.signers}, parts.host_id},
      rotation_{parts.journal, parts.clock, jobs_, file_, {settings_.signers}, log_},
      conditions_{parts.journal},
      started_{parts.clock.elapsed()} {}

void SignedOrders::on_accepted(std::function<void(const std::string&)> wake) {
  *wake_.lock() = std::move(wake);
}

Result<std::optional<gate::Authority>> SignedOrders::find(const std::string& job_id) const {
  auto found = jobs_.authority(job_id);
  if (found || found.error().code() != Errc::denied) return found;
  // A key was taken out since, or the row is nobody's: there is no such order.
  log_.warn("an accepted job is not believed any more", {{"error", found.error().message()}});
  return std::optional<gate::Authority>{};
}

Result<std::optional<FreeOrder>> SignedOrders::find_free(const std::string& job_id) const {
  auto found = jobs_.find(job_id);
  if (!found && found.error().code() != Errc::denied) return found.error();
  if (!found || !*found || (*found)->meaning.verb || !(*found)->job.guest)
    return std::optional<FreeOrder>{};
  Job& job = (*found)->job;
  return std::optional{FreeOrder{std::move(job.action), std::move(job.id), job.guest->uuid,
                                 job.guest->incarnation, job.expires, std::move(job.params)}};
}

Result<std::string> SignedOrders::fingerprint(const Uuid& uuid) {
  const auto observed = TRY(host_.inventory.observe(uuid));
  if (!observed) return Error{Errc::not_found, "there is no guest " + to_string(uuid)};
  return guest_fingerprint(*observed);
}

ConditionRecord SignedOrders::judge_keys() const {
  ConditionRecord condition{.type = "OperatorKeys", .status = ConditionStatus::no};
  const auto operators = file_.read();
  if (!operators) {
    condition.reason = operators.error().code() == Errc::not_found ? "NoOperators" : "Unreadable";
    condition.message = operators.error().message();
    return condition;
  }
  const auto& parsed = operators->parsed;
  const std::size_t usable = parsed.keys.usable(signing::job_namespace, clock_.now());
  const std::size_t needed = most_demanded(settings_.signers);
  condition.message = std::to_string(usable) + (usable == 1 ? " key in " : " keys in ") +
                      file_.path() + " may sign jobs";
  if (!parsed.problems.empty()) {
    const auto& first = parsed.problems.front();
    condition.reason = "LinesRefused";
    condition.message += "; " + std::to_string(parsed.problems.size()) +
                         " lines do not count, the first on line " + std::to_string(first.line) +
                         ": " + first.message;
  } else if (usable < needed) {
    condition.reason = "TooFewKeys";
    condition.message += ", and agent.yaml asks for " + std::to_string(needed) + " signers";
  } else {
    condition.status = ConditionStatus::yes;
    condition.reason = "Read";
  }
  return condition;
}

Result<void> SignedOrders::say(const ConditionRecord& condition) {
  const bool is_new = TRY(conditions_.set("host", condition));
  if (is_new && condition.status != ConditionStatus::yes)
    log_.warn(
        "host condition",
        {{"type", condition.type}, {"reason", condition.reason}, {"message", condition.message}});
  return ok();
}

// Before there is a job: on the day when one is needed nobody wants to look for a time server.
// Right after a start the time server is still being asked.
Result<void> SignedOrders::report_clock() {
  ConditionRecord condition{.type = "ClockSound",
                            .status = ConditionStatus::yes,
                            .reason = "Sound",
                            .message = "it can tell which signed jobs are over"};
  const auto fault = TRY(guard_.look_at(clock_.now()));
  if (fault != jobs::ClockFault::none) {
    if (clock_.elapsed() - started_ < clock_grace) return ok();
    const bool is_set_back = fault == jobs::ClockFault::set_back;
    condition.status = ConditionStatus::no;
    condition.reason = is_set_back ? "SetBack" : "Unsynchronized";
    condition.message =
        is_set_back
            ? "it is behind a time that it showed before; signed jobs wait until it is set right"
            : "nothing keeps it right (`timedatectl` says what is missing); signed jobs wait, "
              "unless agent.yaml says requireSynchronizedClock: false";
  }
  return say(condition);
}

Result<bool> SignedOrders::report_keys() {
  const ConditionRecord condition = judge_keys();
  TRY(say(condition));
  return condition.reason != "NoOperators" && condition.reason != "Unreadable";
}

Result<std::optional<Duration>> SignedOrders::work_on_host() {
  // Where no job can be taken a quiet host stays without a single write.
  if (TRY(report_keys())) {
    TRY(report_clock());
    TRY(intake_.remember_time());
  }
  return rotation_.run();
}

}  // namespace holdfast
