// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/render.hpp"

namespace holdfast::cli {
namespace {

std::string rows(const Table& table, const Invocation& invocation, std::string_view nothing) {
  if (!table.empty()) return table.render(invocation.style());
  invocation.say(std::string{nothing});
  return {};
}

Result<Exit> get_guests(const Invocation& invocation, const GetOptions& options) {
  const bool is_wide = invocation.format() == Format::wide;
  if (!options.name.empty()) {
    const auto guest = TRY(invocation.daemon().guest(options.name));
    TRY(invocation.show(to_json(guest),
                        [&] { return guests_table({guest}, is_wide).render(invocation.style()); }));
    return Exit::done;
  }
  const auto guests = TRY(invocation.daemon().guests());
  TRY(invocation.show(to_json(guests), [&] {
    return rows(guests_table(guests, is_wide), invocation, "no guests");
  }));
  return Exit::done;
}

Result<Exit> get_operations(const Invocation& invocation, const GetOptions& options) {
  const bool is_wide = invocation.format() == Format::wide;
  if (!options.name.empty()) {
    const auto id = TRY(parse_operation_id(options.name));
    const auto detail = TRY(invocation.daemon().operation(id));
    TRY(invocation.show(to_json(detail), [&] {
      return operations_table({detail.operation}, invocation.now(), is_wide)
          .render(invocation.style());
    }));
    return Exit::done;
  }
  const auto operations = TRY(invocation.daemon().operations(options.subject, options.limit));
  TRY(invocation.show(to_json(operations), [&] {
    return rows(operations_table(operations, invocation.now(), is_wide), invocation,
                "no operations");
  }));
  return Exit::done;
}

Result<Exit> get_tickets(const Invocation& invocation, const GetOptions& options) {
  std::vector<TicketReport> tickets;
  if (!options.name.empty()) {
    tickets.push_back(TRY(invocation.daemon().ticket(options.name)));
  } else {
    tickets = TRY(invocation.daemon().tickets());
  }
  TRY(invocation.show(options.name.empty() ? to_json(tickets) : to_json(tickets.front()), [&] {
    const auto table =
        tickets_table(tickets, invocation.now(), invocation.format() == Format::wide);
    return rows(table, invocation, "no open tickets: nothing was refused");
  }));
  return Exit::done;
}

Result<Exit> get_jobs(const Invocation& invocation, const GetOptions& options) {
  std::vector<JobReport> jobs;
  if (!options.name.empty()) {
    jobs.push_back(TRY(invocation.daemon().job(options.name)));
  } else {
    jobs = TRY(invocation.daemon().jobs(options.limit));
  }
  TRY(invocation.show(options.name.empty() ? to_json(jobs) : to_json(jobs.front()), [&] {
    const auto table = jobs_table(jobs, invocation.now(), invocation.format() == Format::wide);
    return rows(table, invocation, "no signed jobs came here");
  }));
  return Exit::done;
}

template <class Report>
Result<void> keep_named(std::vector<Report>& reports, const GetOptions& options) {
  if (options.name.empty()) return ok();
  const auto is_other = [&](const Report& report) { return report.name != options.name; };
  reports.erase(std::remove_if(reports.begin(), reports.end(), is_other), reports.end());
  if (!reports.empty()) return ok();
  return Error{Errc::not_found,
               "no " + options.name + " among them; see `holdfast get " + options.kind + "`"};
}

Result<Exit> get_images(const Invocation& invocation, const GetOptions& options) {
  auto images = TRY(invocation.daemon().images());
  TRY(keep_named(images, options));
  TRY(invocation.show(to_json(images), [&] {
    return rows(images_table(images, invocation.format() == Format::wide), invocation,
                "no images; bring one with `holdfast image import`");
  }));
  return Exit::done;
}

Result<Exit> get_targets(const Invocation& invocation, const GetOptions& options) {
  auto targets = TRY(invocation.daemon().targets());
  TRY(keep_named(targets, options));
  TRY(invocation.show(to_json(targets),
                      [&] { return rows(targets_table(targets), invocation, "no targets"); }));
  return Exit::done;
}

Result<Exit> get_snapshots(const Invocation& invocation, const GetOptions& options) {
  if (options.name.empty())
    return Error{Errc::invalid, "say whose: `holdfast get snapshots GUEST`"};
  return snapshot_list(invocation, options.name);
}

Result<Exit> get_backups(const Invocation& invocation, const GetOptions& options) {
  const auto backups = TRY(invocation.daemon().backups(options.name));
  TRY(invocation.show(to_json(backups), [&] {
    return rows(backups_table(backups, invocation.now(), invocation.format() == Format::wide),
                invocation,
                options.name.empty() ? std::string{"no backups"} : "no backups of " + options.name);
  }));
  return Exit::done;
}

Result<Exit> get_host(const Invocation& invocation, const GetOptions&) {
  const auto host = TRY(invocation.daemon().status());
  TRY(invocation.show(to_json(host), [&] {
    return host_table(host, invocation.now(), invocation.format() == Format::wide)
        .render(invocation.style());
  }));
  return Exit::done;
}

Result<Exit> get_conditions(const Invocation& invocation, const GetOptions& options) {
  std::vector<SubjectCondition> found;
  const auto add = [&found](const std::string& subject, const std::vector<Condition>& conditions) {
    for (const auto& condition : conditions) found.emplace_back(subject, condition);
  };
  const auto daemon = invocation.daemon();
  if (options.name.empty()) {
    add("host", TRY(daemon.status()).conditions);
    for (const auto& guest : TRY(daemon.guests())) add("guest/" + guest.name, guest.conditions);
  } else {
    add("guest/" + options.name, TRY(daemon.guest(options.name)).conditions);
  }
  auto list = nlohmann::json::array();
  for (const auto& [subject, condition] : found) {
    auto item = nlohmann::json::parse(to_json(condition), nullptr, false);
    item["subject"] = subject;
    list.push_back(std::move(item));
  }
  TRY(invocation.show(list.dump(), [&] {
    return rows(conditions_table(found, invocation.now()), invocation, "no conditions");
  }));
  return Exit::done;
}

struct Kind {
  const char* plural;
  const char* singular;
  Result<Exit> (*get)(const Invocation& invocation, const GetOptions& options);
};
constexpr std::array kinds{
    Kind{"guests", "guest", get_guests},
    Kind{"operations", "operation", get_operations},
    Kind{"tickets", "ticket", get_tickets},
    Kind{"jobs", "job", get_jobs},
    Kind{"images", "image", get_images},
    Kind{"snapshots", "snapshot", get_snapshots},
    Kind{"backups", "backup", get_backups},
    Kind{"targets", "target", get_targets},
    Kind{"conditions", "condition", get_conditions},
    Kind{"hosts", "host", get_host},
};

}  // namespace

const std::vector<std::string>& get_kinds() {
  static const auto names = [] {
    std::vector<std::string> both;
    for (const Kind& kind : kinds) {
      both.emplace_back(kind.plural);
      both.emplace_back(kind.singular);
    }
    return both;
  }();
  return names;
}

Result<Exit> get(const Invocation& invocation, const GetOptions& options) {
  for (const Kind& kind : kinds)
    if (options.kind == kind.plural || options.kind == kind.singular)
      return kind.get(invocation, options);
  return Error{Errc::invalid, "there are no " + options.kind + " to get"};
}

}  // namespace holdfast::cli
