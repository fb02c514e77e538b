// SPDX-License-Identifier: Apache-2.0
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "controller/daemon_control.hpp"
#include "controller/reports.hpp"
#include "reconcilers/guest/guest_shape.hpp"

namespace holdfast {
namespace {

Error no_such_guest(const std::string& name) {
  return Error{
      Errc::not_found,
      "no guest " + name + " is wanted, known or seen on this host; see `holdfast get guests`"};
}

constexpr std::string_view journal_writable = "JournalWritable";

// Said by the daemon itself: the journal, which keeps all other conditions, cannot take it.
Condition unwritable(const WriteFailure& failure) {
  const bool is_full = failure.cause.code() == Errc::exhausted;
  return {.type = std::string{journal_writable},
          .status = ConditionStatus::no,
          .reason = is_full ? "NoSpace" : "WriteFailed",
          .message = failure.cause.message() +
                     "; nothing is changed until it can be written again, which is tried every "
                     "15 seconds" +
                     (is_full ? ": make room on the disk of the state directory" : ""),
          .last_transition = failure.since};
}

host::ObservedGuestPtr find_in(const host::Inventory& inventory, const Uuid& uuid) {
  for (const auto& guest : inventory.guests)
    if (guest->uuid == uuid) return guest;
  return nullptr;
}

// The living guest that says itself that it is this installation's `name`: the journal is lost.
host::ObservedGuestPtr find_marked(const host::Inventory& inventory, const std::string& name,
                                   const std::string& host_id) {
  for (const auto& guest : inventory.guests)
    if (guest->marker && guest->marker->uuid == guest->uuid && guest->marker->name == name &&
        guest->marker->host_id == host_id && !is_tombstone(*guest->marker))
      return guest;
  return nullptr;
}

}  // namespace

Result<HostReport> DaemonControl::host() {
  HostReport report;
  Journal& journal = engine_.journal();
  const LastPass last = engine_.last_pass();
  report.host_id = engine_.parts().host_id;
  report.version = settings_.version;
  report.source = engine_.parts().source.describe();
  if (settings_.hub != nullptr) report.hub = settings_.hub->report();
  report.mode = engine_.is_observe_only() ? HostMode::observe_only : HostMode::normal;
  if (const auto row = TRY(journal.accepted())) {
    report.generation = row->generation;
    report.accepted_at = row->accepted_at;
    report.digest = row->digest;
  }
  report.hypervisor = last.observed   ? "connected to " + settings_.connect_uri
                      : last.finished ? "no answer from " + settings_.connect_uri
                                      : "not yet asked";
  report.last_pass = last.finished;
  report.last_pass_took = last.took;
  report.guests = static_cast<std::uint32_t>(TRY(engine_.guests().known_guests()).size());
  report.open_operations = static_cast<std::uint32_t>(TRY(journal.unfinished()).size());
  report.open_tickets = static_cast<std::uint32_t>(TRY(journal.open_tickets()).size());
  const auto failure = journal.write_failure();
  if (failure) report.conditions.push_back(unwritable(*failure));
  for (const ConditionRecord& condition : TRY(journal.conditions("host")))
    if (!failure || condition.type != journal_writable)
      report.conditions.push_back(to_report(condition));
  return report;
}

Result<StatusReport> DaemonControl::status() {
  return StatusReport{TRY(host()), TRY(guests()), TRY(tickets())};
}

Result<OperationReport> DaemonControl::report(const Operation& operation) {
  const auto steps = TRY(engine_.journal().steps(operation.id));
  return to_report(operation, steps, engine_.progress().find(operation.id));
}

Result<GuestReport> DaemonControl::report(const std::string& name,
                                          const host::Inventory* inventory) {
  GuestKnowledge known;
  Journal& journal = engine_.journal();
  const std::string subject = guest_subject(name);
  known.name = name;
  known.now = {engine_.parts().clock.now(), journal.witnessed()};
  known.desired = engine_.accepted().find(name);
  known.provenance = TRY(journal.owner_of(subject));
  if (!known.provenance) {  // a tombstone still has a story to tell
    for (const Provenance& row : TRY(journal.all_provenance()))
      if (row.subject == subject) known.provenance = row;
  }
  known.was_observed = inventory != nullptr;
  if (inventory != nullptr && known.provenance)
    known.observed = find_in(*inventory, known.provenance->uuid);
  else if (inventory != nullptr)
    known.observed = find_marked(*inventory, name, engine_.parts().host_id);
  known.conditions = TRY(journal.conditions(subject));
  if (const auto operation = TRY(journal.unfinished(subject)))
    known.operation = TRY(report(*operation));
  return to_report(known);
}

Result<std::vector<GuestReport>> DaemonControl::guests() {
  const auto inventory = engine_.parts().host.inventory.observe_all();
  std::set<std::string> names;
  for (const std::string& name : engine_.accepted().names()) names.insert(name);
  for (const std::string& name : TRY(engine_.guests().known_guests())) names.insert(name);
  std::vector<GuestReport> reports;
  std::set<Uuid> ours;
  for (const std::string& name : names) {
    reports.push_back(TRY(report(name, inventory ? &inventory.value() : nullptr)));
    ours.insert(reports.back().uuid);
  }
  if (inventory)
    for (const auto& guest : inventory->guests)
      if (!ours.contains(guest->uuid))
        reports.push_back(foreign_report(*guest, engine_.parts().provider));
  return reports;
}

Result<GuestReport> DaemonControl::guest(const std::string& name) {
  for (GuestReport& report : TRY(guests()))
    if (report.name == name) return std::move(report);
  return no_such_guest(name);
}

Result<std::vector<std::string>> DaemonControl::why(const std::string& name) {
  const GuestReport report = TRY(guest(name));
  if (report.foreign)
    return std::vector<std::string>{name +
                                    " was not made by Holdfast. It is listed and never touched."};
  if (engine_.is_observe_only())
    return std::vector<std::string>{
        "The journal could not be read and was set aside, so this daemon only observes; nothing is "
        "changed until `holdfast recover` has rebuilt what it knows from the guests themselves."};
  return engine_.guests().why(name);
}

Result<std::vector<OperationReport>> DaemonControl::operations(const std::string& subject,
                                                               std::size_t limit) {
  std::vector<OperationReport> reports;
  for (const Operation& operation : TRY(engine_.journal().recent(subject, limit)))
    reports.push_back(TRY(report(operation)));
  return reports;
}

Result<api::OperationDetail> DaemonControl::operation(OperationId id) {
  api::OperationDetail detail;
  const Operation known = TRY(engine_.journal().operation(id));
  detail.operation = TRY(report(known));
  for (const StepRecord& step : TRY(engine_.journal().steps(id)))
    detail.steps.push_back(to_report(step));
  return detail;
}

Result<std::vector<TicketReport>> DaemonControl::tickets() {
  std::vector<TicketReport> reports;
  for (const TicketRecord& ticket : TRY(engine_.journal().open_tickets()))
    reports.push_back(to_report(ticket));
  return reports;
}

Result<TicketReport> DaemonControl::ticket(const std::string& id) {
  if (const auto ticket = TRY(engine_.journal().ticket(id))) return to_report(*ticket);
  return Error{Errc::not_found, "no ticket " + id + "; see `holdfast get tickets`"};
}

Result<std::vector<api::SnapshotReport>> DaemonControl::snapshots(const std::string& guest) {
  const auto row = TRY(engine_.journal().owner_of(guest_subject(guest)));
  if (!row) return no_such_guest(guest);
  std::vector<api::SnapshotReport> reports;
  for (const host::SnapshotFacts& facts :
       TRY(engine_.parts().host.snapshots.list(row->uuid).context("snapshots of " + guest)))
    reports.push_back({.name = facts.name,
                       .created = facts.created,
                       .incarnation = facts.incarnation,
                       .is_ours = facts.is_ours});
  return reports;
}

Result<std::vector<api::BackupReport>> DaemonControl::backups(const std::string& guest) {
  host::Backups* const port = engine_.parts().host.backups;
  if (port == nullptr)
    return Error{Errc::invalid,
                 "backups of guests of " + engine_.parts().provider + " are not in this version"};
  std::vector<api::BackupReport> reports;
  for (const host::BackupFacts& facts : TRY(port->list(std::nullopt).context("list backups"))) {
    api::BackupReport report{.id = facts.id,
                             .incarnation = Incarnation{0},
                             .taken = facts.taken,
                             .size = facts.size,
                             .is_protected = facts.is_protected,
                             .is_ours = facts.host_id == engine_.parts().host_id};
    if (report.is_ours) {
      report.guest = facts.guest_name;
      report.uuid = facts.guest;
      report.incarnation = facts.incarnation;
      report.job = facts.label;
      report.note = facts.note;
    }
    if (guest.empty() || report.guest == guest) reports.push_back(std::move(report));
  }
  return reports;
}

namespace {

api::ImageReport image_report(const host::StoredImage& stored) {
  api::ImageReport report{.name = stored.image.name,
                          .version = stored.image.version,
                          .directory = stored.directory,
                          .size = {}};
  for (const ImageDisk& disk : stored.image.disks) report.size.value += disk.virtual_size.value;
  return report;
}

}  // namespace

Result<std::vector<api::ImageReport>> DaemonControl::images() {
  std::vector<api::ImageReport> reports;
  for (const host::StoredImage& stored : TRY(engine_.parts().host.images.list()))
    reports.push_back(image_report(stored));
  return reports;
}

Result<std::vector<api::ImportReport>> DaemonControl::imports() {
  std::vector<api::ImportReport> reports;
  for (const auto& [path, progress] : *imports_.lock())
    reports.push_back({path, Bytes{progress.done}, Bytes{progress.total}});
  return reports;
}

Result<api::ImageReport> DaemonControl::import_image(const std::string& path) {
  (*imports_.lock())[path] = {};
  host::Transfer transfer;
  transfer.stop = engine_.parts().stop;
  transfer.on_progress = [&](const host::Progress& progress) {
    (*imports_.lock())[path] = progress;
  };
  auto stored = engine_.parts().host.images.import(path, transfer);
  imports_.lock()->erase(path);
  TRY(stored);
  engine_.wake_host();
  return image_report(*stored);
}

Result<std::string> DaemonControl::support() {
  std::string text = "host: " + to_json(TRY(host())) + "\n";
  text += "configuration:\n" + settings_.config_text + "\n";
  for (const GuestReport& guest : TRY(guests())) text += "guest: " + to_json(guest) + "\n";
  for (const OperationReport& operation : TRY(operations("", 100)))
    text += "operation: " + to_json(operation) + "\n";
  for (const TicketReport& ticket : TRY(tickets())) text += "ticket: " + to_json(ticket) + "\n";
  for (const auto& target : TRY(targets()))
    text += "target: " + target.name + " " + target.path + " " + to_string(target.available) +
            " free of " + to_string(target.size) + " " + target.problem + "\n";
  for (const auto& image : TRY(images()))
    text += "image: " + image.name + " " + image.version + "\n";
  return text;
}

}  // namespace holdfast
