// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <latch>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/control_plane.hpp"
#include "schema/desired_state.hpp"

namespace holdfast::api {

inline constexpr const char* sample_ticket = "0123456789abcdef0123456789abcdef";

inline Time at(const char* text) { return parse_time(text).value(); }

// A daemon's control plane in memory, for one host with the guest acme. It keeps what it
// is told: applied resources, snapshots and operations are there when asked for again.
class FakeControlPlane final : public Reports,
                               public Inspections,
                               public Orders,
                               public HubControl {
 public:
  FakeControlPlane() {
    host_report.host_id = "9f86d081884c7d659a2feaa0c55ad015";
    host_report.version = "0.1.0";
    host_report.generation = 7;
    host_report.accepted_at = at("2026-11-22T19:00:00Z");
    host_report.source = "/etc/holdfast/desired";
    host_report.hypervisor = "connected to qemu:///system";
    host_report.last_pass = at("2026-11-22T19:59:30Z");
    host_report.last_pass_took = Duration{120};
    host_report.guests = 1;
    host_report.conditions.push_back({"Accepted", ConditionStatus::yes, "Accepted", "generation 7",
                                      at("2026-11-22T19:00:00Z"), 7});
    add_guest("acme");
    operation_of("guest.create", "guest/acme", "succeeded");
  }

  void add(const GuestReport& guest) {
    locked([&] { guests_.push_back(guest); });
  }

  // What the daemon would come to do by itself; the tests decide when.
  std::mutex mutex{};
  std::optional<Error> failure{};   // every call answers it while it is there
  std::optional<Error> deferral{};  // what a signed job is answered while it is there
  int polls_until_done = 0;         // operations end after so many looks
  std::string end_state = "succeeded";
  bool needs_recovery = false;
  std::vector<PlanAction> actions{};  // beside what `wanted_` asks for
  std::vector<std::string> unknown{};
  std::vector<std::string> pending{};  // of every plan
  std::vector<SnapshotReport> known_snapshots{};
  std::vector<BackupReport> known_backups{};
  std::vector<std::string> imported{};
  std::vector<std::string> submitted{};  // envelopes
  std::vector<ImportReport> importing{};
  bool is_import_slow = false;  // one import only
  std::vector<TicketReport> open_tickets{};
  HostReport host_report{};

  void add_guest(const std::string& name) {
    GuestReport guest;
    guest.name = name;
    guest.uuid = Uuid::parse("6b1f0a52-2f7e-4c5b-9d1a-0c2f4f9e8a11").value();
    guest.incarnation = Incarnation{3};
    guest.provider = "libvirt";
    guest.phase = "Ready";
    guest.power = "Running";
    guest.image = "tiny 1.0.0";
    guest.cpus = 2;
    guest.memory = gibibytes(2);
    guest.disks = {{"root", gibibytes(16), "nvme"}, {"db", gibibytes(10), "nvme"}};
    guest.interfaces = {{"net0", "bridge", "br0", "52:54:00:11:22:33", {"192.0.2.7"}}};
    guest.conditions = {{"Ready", ConditionStatus::yes, "Healthy", "answers on port 80",
                         at("2026-11-22T19:10:00Z"), 7}};
    guests_.push_back(guest);
  }
  // Of acme, of a guest that is gone, and somebody else's.
  void add_backups() {
    const auto taken = at("2026-11-22T18:00:00Z");
    known_backups = {
        {"local:backup/one", "acme", Uuid::parse("6b1f0a52-2f7e-4c5b-9d1a-0c2f4f9e8a11").value(),
         Incarnation{3}, taken, mebibytes(1), true, true, std::string(32, '1'), "before 2.0"},
        {"local:backup/two", "gone", Uuid::parse("6b1f0a52-2f7e-4c5b-9d1a-0c2f4f9e8a12").value(),
         Incarnation{1}, taken, mebibytes(2), false, true, std::string(32, '2'), ""},
        {"local:backup/theirs", "", {}, Incarnation{0}, taken, mebibytes(3), false, false, "", ""}};
  }
  void add_ticket() {
    TicketReport ticket;
    ticket.id = sample_ticket;
    ticket.subject = "guest/acme";
    ticket.rule = "NeedsSignature";
    ticket.message = "destroying guest acme loses customer data";
    ticket.created = at("2026-11-22T19:30:00Z");
    ticket.job = "{\n  \"kind\": \"Job\",\n  \"action\": \"guest.destroy\"\n}\n";
    ticket.effects = {"stop guest acme", "keep its 2 disks for 7 days, then free them"};
    open_tickets.push_back(ticket);
    host_report.open_tickets = 1;
  }
  OperationId operation_of(const std::string& kind, const std::string& subject,
                           const std::string& state) {
    OperationDetail detail;
    const OperationId id{next_++};
    detail.operation.id = to_string(id);
    detail.operation.kind = kind;
    detail.operation.subject = subject;
    detail.operation.state = state;
    detail.operation.step = "restore root";
    detail.operation.attempts = 1;
    detail.operation.started = at("2026-11-22T19:56:40Z");
    detail.operation.updated = at("2026-11-22T19:59:00Z");
    if (state == "open") detail.operation.progress = 0.25;
    if (state == "stuck") detail.operation.cause = "no space left in target nvme";
    detail.steps.push_back({"restore root", "done", "{}", "{}", "", at("2026-11-22T19:56:40Z"),
                            at("2026-11-22T19:56:52Z")});
    operations_.push_back(detail);
    return id;
  }
  ControlPlane control_plane() { return {*this, *this, *this, this}; }

  Result<HubReport> enroll(const std::string& url, const std::string& token) override {
    return locked([&]() -> Result<HubReport> {
      if (token != "hf1.good") return Error{Errc::denied, "TokenSpent: this token was used"};
      host_report.hub =
          HubReport{.url = url, .state = "connected", .last_sync = at("2026-11-22T19:59:50Z")};
      return answer(*host_report.hub);
    });
  }

  Result<HostReport> host() override {
    return locked([&] { return answer(host_report); });
  }
  Result<std::vector<GuestReport>> guests() override {
    return locked([&] { return answer(guests_); });
  }
  Result<GuestReport> guest(const std::string& name) override {
    return locked([&]() -> Result<GuestReport> {
      for (const auto& guest : guests_)
        if (guest.name == name) return answer(guest);
      return missing("guest " + name);
    });
  }
  Result<std::vector<std::string>> why(const std::string& name) override {
    TRY(guest(name));
    return std::vector<std::string>{name + " is as it should be."};
  }
  Result<std::vector<OperationReport>> operations(const std::string& subject,
                                                  std::size_t limit) override {
    return locked([&] {
      std::vector<OperationReport> reports;
      for (auto detail = operations_.rbegin(); detail != operations_.rend(); ++detail)
        if (reports.size() < limit && (subject.empty() || detail->operation.subject == subject))
          reports.push_back(detail->operation);
      return answer(reports);
    });
  }
  Result<OperationDetail> operation(OperationId id) override {
    return locked([&]() -> Result<OperationDetail> {
      for (auto& detail : operations_) {
        if (detail.operation.id != to_string(id)) continue;
        if (detail.operation.state == "open" && polls_until_done-- <= 0) {
          detail.operation.state = end_state;
          if (end_state != "succeeded") detail.operation.cause = "the provider said no";
        }
        return answer(detail);
      }
      return missing("operation " + to_string(id));
    });
  }
  Result<std::vector<TicketReport>> tickets() override {
    return locked([&] { return answer(open_tickets); });
  }
  Result<TicketReport> ticket(const std::string& id) override {
    return locked([&]() -> Result<TicketReport> {
      for (const auto& ticket : open_tickets)
        if (ticket.id == id) return answer(ticket);
      return missing("ticket " + id);
    });
  }
  // A wanted guest that is not there would be created; a look at it makes it, once it was
  // applied and the polls are used up.
  Result<PlanReport> plan(const std::optional<std::string>& text) override {
    return locked([&]() -> Result<PlanReport> {
      if (failure) return *failure;
      return plan_of(text ? TRY(names_in(*text)) : applied_);
    });
  }
  Result<std::vector<SnapshotReport>> snapshots(const std::string& name) override {
    TRY(guest(name));
    return locked([&] { return answer(known_snapshots); });
  }
  Result<std::vector<BackupReport>> backups(const std::string& guest) override {
    return locked([&] {
      std::vector<BackupReport> found;
      for (const auto& backup : known_backups)
        if (guest.empty() || backup.guest == guest) found.push_back(backup);
      return answer(found);
    });
  }
  Result<std::vector<ImageReport>> images() override {
    return locked([&] {
      std::vector<ImageReport> reports{
          {"tiny", "1.0.0", "/var/lib/holdfast/images/tiny/1.0.0", mebibytes(32)}};
      for (const auto& path : imported) reports.push_back({"imported", "1", path, mebibytes(1)});
      return answer(reports);
    });
  }
  Result<std::vector<ImportReport>> imports() override {
    return locked([&] {
      if (!importing.empty() && !was_looked_at_.exchange(true)) looked_at_.count_down();
      return answer(importing);
    });
  }
  Result<std::vector<TargetReport>> targets() override {
    return locked([&] {
      return answer(std::vector<TargetReport>{
          {"local", "/var/lib/holdfast/guests", gibibytes(100), gibibytes(25), ""},
          {"usb", "/mnt/usb", {}, {}, "No such file or directory"}});
    });
  }
  Result<ProviderReport> provider() override {
    return locked([&] {
      return answer(ProviderReport{
          "proxmox",
          "https://127.0.0.1:8006",
          {{"VM.Audit on /pool/holdfast", true, ""},
           {"VM.PowerMgmt on /pool/holdfast", false, "give both the user and the token a role"}}});
    });
  }
  Result<std::string> support() override {
    return locked([&] { return answer(std::string{"configuration:\nworkers: 4\n"}); });
  }

  Result<ApplyReport> apply(const std::string& text) override {
    return locked([&]() -> Result<ApplyReport> {
      if (failure) return *failure;
      ApplyReport report;
      applied_ = TRY(names_in(text));
      report.plan = plan_of(applied_);
      for (const auto& name : applied_) report.written.push_back("guest-" + name + ".yaml");
      return report;
    });
  }
  Result<OperationId> give(const Order& order) override {
    TRY(guest(order.guest));
    return locked([&]() -> Result<OperationId> {
      using Kind = Order::Kind;
      if (order.kind == Kind::snapshot) {
        known_snapshots.push_back({order.object, at("2026-11-22T19:55:00Z"), Incarnation{3}, true});
        return operation_of("guest.snapshot", "guest/" + order.guest, "open");
      }
      if (order.kind == Kind::undelete)
        return operation_of("guest.undelete", "guest/" + order.guest, "open");
      if (open_tickets.empty()) add_ticket();
      return Error{Errc::denied, "NeedsSignature: this loses customer data of guest " +
                                     order.guest + " (ticket " + sample_ticket + ")"};
    });
  }
  Result<std::vector<JobReport>> jobs(std::size_t limit) override {
    return locked([&] {
      auto reports = jobs_;
      if (reports.size() > limit) reports.resize(limit);
      return answer(reports);
    });
  }
  Result<JobReport> job(const std::string& id) override {
    return locked([&]() -> Result<JobReport> {
      for (const auto& job : jobs_)
        if (job.id == id) return answer(job);
      return missing("job " + id);
    });
  }
  // Takes whatever has a signature, and begins an operation at once.
  Result<JobReport> submit_job(const std::string& envelope) override {
    return locked([&]() -> Result<JobReport> {
      if (failure) return *failure;
      if (deferral) return *deferral;
      submitted.push_back(envelope);
      if (envelope.find("BEGIN SSH SIGNATURE") == std::string::npos)
        return Error{Errc::denied, "Unsigned: it carries no signature"};
      JobReport report;
      report.id = sample_ticket;
      report.action = "guest.destroy";
      report.subject = "guest/acme";
      report.state = JobState::running;
      report.operation = to_string(operation_of("guest.destroy", "guest/acme", "open"));
      report.received = at("2026-11-22T19:58:00Z");
      jobs_.push_back(report);
      return report;
    });
  }
  Result<void> retry(OperationId id) override { return unstick(id, "open"); }
  Result<void> roll_back(OperationId id) override { return unstick(id, "rolling_back"); }
  Result<RecoverReport> recover(bool confirm) override {
    return locked([&]() -> Result<RecoverReport> {
      if (failure) return *failure;
      RecoverReport report{needs_recovery, needs_recovery && confirm, {}};
      if (needs_recovery) report.sentences = {"guest acme is ours, incarnation 3"};
      if (confirm) needs_recovery = false;
      return report;
    });
  }
  // A slow one waits until somebody has looked how far it is.
  Result<ImageReport> import_image(const std::string& path) override {
    if (is_import_slow) {
      locked([&] {
        importing = {{path, mebibytes(42), mebibytes(100)}};
        return true;
      });
      looked_at_.wait();
    }
    return locked([&]() -> Result<ImageReport> {
      if (failure) return *failure;
      imported.push_back(path);
      return ImageReport{"imported", "1", path, mebibytes(1)};
    });
  }

 private:
  std::latch looked_at_{1};
  std::atomic<bool> was_looked_at_ = false;
  template <class Body>
  auto locked(const Body& body) -> decltype(body()) {
    const std::lock_guard lock{mutex};
    return body();
  }
  template <class T>
  Result<T> answer(T value) const {
    if (failure) return *failure;
    return value;
  }
  static Error missing(const std::string& what) {
    return Error{Errc::not_found, "no " + what + " on this host"};
  }
  static Result<std::vector<std::string>> names_in(const std::string& text) {
    std::vector<std::string> names;
    for (const auto& guest : TRY(parse_resources(text, "request")).guests)
      names.push_back(guest.name);
    return names;
  }
  PlanReport plan_of(const std::vector<std::string>& names) {
    PlanReport report;
    report.actions = actions;
    report.unknown = unknown;
    report.pending = pending;
    for (const auto& name : names) {
      const bool is_here = std::any_of(guests_.begin(), guests_.end(),
                                       [&](const auto& guest) { return guest.name == name; });
      if (is_here) continue;
      const bool is_applied = std::find(applied_.begin(), applied_.end(), name) != applied_.end();
      if (is_applied && polls_until_done-- <= 0) {
        add_guest(name);
      } else {
        report.actions.push_back({"guest/" + name,
                                  "create guest " + name + " from image tiny 1.0.0",
                                  "it does not exist", Verdict::free, "", ""});
      }
    }
    report.in_sync = report.actions.empty() && report.unknown.empty();
    return report;
  }
  Result<void> unstick(OperationId id, const std::string& state) {
    return locked([&]() -> Result<void> {
      for (auto& detail : operations_) {
        if (detail.operation.id != to_string(id)) continue;
        if (detail.operation.state != "stuck")
          return Error{Errc::conflict, to_string(id) + " is " + detail.operation.state};
        detail.operation.state = state;
        return ok();
      }
      return missing("operation " + to_string(id));
    });
  }

  std::vector<GuestReport> guests_{};
  std::vector<OperationDetail> operations_{};
  std::vector<JobReport> jobs_{};
  std::vector<std::string> applied_{};
  std::int64_t next_ = 1;
};

}  // namespace holdfast::api
