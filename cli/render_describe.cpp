// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "cli/render.hpp"

namespace holdfast::cli {
namespace {

constexpr std::size_t value_column = 15;

// "Name:          acme"
std::string line(std::string_view name, std::string_view value) {
  std::string text{name};
  text += ':';
  if (text.size() < value_column) text.resize(value_column, ' ');
  return text + (value.empty() ? "-" : printable(value)) + "\n";
}

std::string headline(const Style& style, std::string_view name, std::string_view value) {
  std::string text = line(name, value);
  text.pop_back();
  return style.paint(Color::bold, text) + "\n";
}

// A list under its heading, or that there is none.
std::string section(std::string_view heading, const Table& table) {
  if (table.empty()) return line(heading, "none");
  std::string text{heading};
  text += ":\n";
  // No colours inside: the columns are told apart by the heading already.
  const std::string rows = table.render(Style{});
  for (std::size_t at = 0; at < rows.size();) {
    const std::size_t end = rows.find('\n', at);
    text += "  " + rows.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return text;
}

std::string indented(std::string_view text) {
  std::string lines = "  ";
  for (const char c : printable(text, true)) {
    lines += c;
    if (c == '\n') lines += "  ";
  }
  while (!lines.empty() && (lines.back() == ' ' || lines.back() == '\n')) lines.pop_back();
  return lines + "\n";
}

std::string when(Time time, Time now) {
  return time == Time{} ? "" : to_string(time) + " (" + age(time, now) + " ago)";
}

Table conditions_of(const std::vector<Condition>& conditions, Time now) {
  Table table{{"Type", "Status", "Reason", "Age", "Message"}};
  for (const auto& condition : conditions)
    table.add({condition.type, std::string{to_string(condition.status)}, condition.reason,
               age(condition.last_transition, now), condition.message});
  return table;
}

std::string resources_of(const GuestReport& guest) {
  Table disks{{"Name", "Size", "Target"}};
  for (const auto& disk : guest.disks) disks.add({disk.name, to_string(disk.size), disk.target});
  Table interfaces{{"Name", "Kind", "Source", "MAC", "Addresses"}};
  for (const auto& interface : guest.interfaces) {
    std::string addresses;
    for (const auto& address : interface.addresses)
      addresses += (addresses.empty() ? "" : ", ") + address;
    interfaces.add({interface.name, interface.kind, interface.source, interface.mac, addresses});
  }
  Table ports{{"Protocol", "Guest", "Host"}};
  for (const auto& port : guest.ports)
    ports.add({port.protocol, std::to_string(port.guest_port), std::to_string(port.host_port)});
  Table aside{{"Name", "Set aside by", "Removed", "Path"}};
  for (const auto& disk : guest.set_aside)
    aside.add({disk.name, disk.verb, to_string(disk.removed), disk.path});
  return section("Disks", disks) + (aside.empty() ? "" : section("Kept disks", aside)) +
         section("Interfaces", interfaces) + section("Ports", ports);
}

std::string progress_of(const OperationReport& operation) {
  std::string text = operation.progress_text;
  if (operation.progress)
    text += (text.empty() ? "" : ", ") +
            std::to_string(static_cast<int>(*operation.progress * 100)) + "%";
  return text;
}

}  // namespace

std::string describe_guest(const GuestStory& story, Time now, const Style& style) {
  const GuestReport& guest = story.guest;
  std::string text = headline(style, "Name", guest.name);
  text += line("UUID", guest.uuid.is_nil() ? "" : to_string(guest.uuid));
  if (guest.foreign) text += line("Origin", "foreign: not made by Holdfast; listed, never touched");
  if (guest.incarnation.value != 0)
    text += line("Incarnation", std::to_string(guest.incarnation.value));
  text += line("Provider", guest.provider);
  text += line("Phase", guest.foreign ? "Foreign" : guest.phase);
  if (guest.removed)
    text += line("Disks kept", "until " + to_string(*guest.removed) + ", then removed for good");
  text += line("Power", guest.power);
  text += line("Image", guest.image);
  text += line("CPUs", guest.cpus == 0 ? "" : std::to_string(guest.cpus));
  text += line("Memory", guest.memory.value == 0 ? "" : to_string(guest.memory));
  text += line("Spec", guest.spec_digest);
  text += line("Fingerprint", guest.fingerprint);
  text += resources_of(guest);
  text += section("Conditions", conditions_of(guest.conditions, now));
  text += section("Operations", operations_table(story.operations, now, true));
  text += section("Tickets", tickets_table(story.tickets, now, true));
  return text;
}

std::string describe_operation(const OperationDetail& detail, Time now, const Style& style) {
  const OperationReport& operation = detail.operation;
  std::string text = headline(style, "ID", operation.id);
  text += line("Kind", operation.kind);
  text += line("Subject", operation.subject);
  text += line("State", operation.state);
  text += line("Attempts", std::to_string(operation.attempts));
  text += line("Started", when(operation.started, now));
  text += line("Updated", when(operation.updated, now));
  if (!operation.cause.empty()) text += line("Cause", operation.cause);
  if (const auto progress = progress_of(operation); !progress.empty())
    text += line("Progress", progress);
  Table steps{{"Step", "State", "Took", "Task"}};
  for (const auto& step : detail.steps) {
    const bool has_ended = step.ended != Time{} && step.begun != Time{};
    steps.add({step.name, step.state,
               has_ended              ? to_short_string(step.ended - step.begun)
               : step.begun != Time{} ? "begun " + age(step.begun, now) + " ago"
                                      : "",
               step.task});
  }
  text += section("Steps", steps);
  if (operation.state == "stuck")
    text +=
        "\nIt waits for a person. Put right what the cause names, then one of:\n"
        "  holdfast journal retry " +
        operation.id + "\n  holdfast journal rollback " + operation.id + "\n";
  return text;
}

namespace {

std::string describe_hub(const HubReport& hub, Time now) {
  std::string text = line("Hub", hub.url + " (" + hub.state + ")");
  if (!hub.message.empty()) text += line("Hub says", hub.message);
  text += line("Last sync", hub.last_sync ? when(*hub.last_sync, now) : "none yet");
  text += line("Last beat", hub.last_heartbeat ? when(*hub.last_heartbeat, now) : "none yet");
  if (hub.clock_ahead) text += line("Hub's clock", to_short_string(*hub.clock_ahead) + " ahead");
  if (hub.clock_behind) text += line("Hub's clock", to_short_string(*hub.clock_behind) + " behind");
  return text;
}

}  // namespace

std::string describe_host(const HostReport& host, Time now, const Style& style) {
  std::string text = headline(style, "Host", host.host_id);
  text += line("Version", host.version);
  text += line("Mode", to_string(host.mode));
  text += line("Source", host.source);
  text += line("Generation",
               host.generation == 0 ? "none accepted yet" : std::to_string(host.generation));
  text += line("Accepted", host.accepted_at ? when(*host.accepted_at, now) : "");
  if (host.hub) text += describe_hub(*host.hub, now);
  text += line("Hypervisor", host.hypervisor);
  text += line("Last pass", host.last_pass ? when(*host.last_pass, now) + ", took " +
                                                 to_short_string(host.last_pass_took)
                                           : "none finished yet");
  text += line("Guests", std::to_string(host.guests));
  text += line("Operations", std::to_string(host.open_operations) + " open");
  text += line("Tickets", std::to_string(host.open_tickets) + " open");
  text += section("Conditions", conditions_of(host.conditions, now));
  if (host.mode == HostMode::observe_only)
    text +=
        "\nThe journal was unreadable and was set aside; nothing is changed until\n"
        "`holdfast recover` has rebuilt what is known from the guests themselves.\n";
  return text;
}

std::string describe_job(const Job& job, Time now, const Style& style) {
  std::string text = headline(style, "Job", job.id);
  text += line("Action", job.action);
  text += line("Host", job.host_id);
  if (job.guest) {
    text += line("Guest", job.guest->name);
    text += line("UUID", to_string(job.guest->uuid));
    text += line("Incarnation", std::to_string(job.guest->incarnation.value));
    // This version makes no backups; who signs must not believe that it does.
    text += line("Last backup", "none made by Holdfast");
    text += line("Restore test", "none");
  }
  if (job.fingerprint) text += line("Looks like", *job.fingerprint);
  text += line("Good from", to_string(job.not_before));
  const bool is_over = now >= job.expires;
  text += line("Good until",
               to_string(job.expires) +
                   (is_over ? " (over)" : " (for " + to_short_string(job.expires - now) + ")"));
  for (const auto& [name, value] : job.params) {
    if (value.find('\n') == std::string::npos) {
      text += line("  " + name, value);
    } else {
      text += "  " + printable(name) + ":\n" + indented(value);
    }
  }
  text += line("Reason", job.reason);
  return text;
}

std::string describe_ticket(const TicketReport& ticket, Time now, const Style& style) {
  std::string text = headline(style, "ID", ticket.id);
  text += line("Subject", ticket.subject);
  text += line("Rule", ticket.rule);
  text += line("Created", when(ticket.created, now));
  text += line("Message", ticket.message);
  text += "If signed, this will happen:\n";
  for (const auto& effect : ticket.effects) text += "  - " + printable(effect) + "\n";
  if (ticket.effects.empty()) text += "  (the ticket names no effects; read the job)\n";
  if (const auto job = parse_job(ticket.job)) text += describe_job(*job, now, style);
  text += "Job, byte for byte as it is signed:\n" + indented(ticket.job);
  return text;
}

std::string ways_to_sign(const TicketReport& ticket) {
  return "To allow it, where the operator's key is:\n  holdfast ticket sign " + ticket.id +
         " -k KEY --submit\nor on another machine:\n  holdfast ticket show " + ticket.id +
         " --job > job.json\n"
         "  holdfast job sign job.json -k KEY    # or: ssh-keygen -Y sign -n job@holdfast -f KEY "
         "job.json\n"
         "  holdfast job submit job.signed.json  # on the host, or through the hub\n";
}

}  // namespace holdfast::cli
