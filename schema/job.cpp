// SPDX-License-Identifier: Apache-2.0
#include "schema/job.hpp"

#include <algorithm>
#include <array>

#include "schema/resource_tables.hpp"
#include "schema/tree.hpp"

namespace holdfast {
namespace {

constexpr std::array<std::string_view, 17> actions{
    "agent.update",   "break-glass.enable", "guest.adopt",     "guest.backup",
    "guest.destroy",  "guest.reimage",      "guest.restore",   "guest.restore-over",
    "guest.rollback", "guest.shrink",       "guest.undelete",  "host.decommission",
    "keys.rotate",    "mass-change.allow",  "retention.lower", "target.detach",
    "target.wipe"};

constexpr std::size_t most_params = 64;

const TextForm action_name{"an action like guest.destroy", "", is_job_action, 63};

const Table<GuestBinding>& binding_table() {
  static const Table<GuestBinding> table{{
      required(field("uuid", &GuestBinding::uuid, uuid())),
      required(field("incarnation", &GuestBinding::incarnation, incarnation())),
      required(field("name", &GuestBinding::name, text(dns_label))),
  }};
  return table;
}

const Table<Job>& job_table() {
  static const Table<Job> table{
      {
          fixed<Job>("apiVersion", api_version),
          fixed<Job>("kind", "Job"),
          required(field("id", &Job::id, text(id_hex))),
          required(field("action", &Job::action, text(action_name))),
          required(field("hostId", &Job::host_id, text(id_hex))),
          field("guest", &Job::guest, maybe(object(binding_table()))),
          field("fingerprint", &Job::fingerprint, maybe(text(sha256_digest))),
          required(field("notBefore", &Job::not_before, time())),
          required(field("expires", &Job::expires, time())),
          field("params", &Job::params, text_map(most_params)),
          field("reason", &Job::reason, text(any_text)),
      },
      [](Job& job, Problems& problems) {
        if (job.expires <= job.not_before)
          problems.add("found expires before notBefore, expected it after");
      }};
  return table;
}

}  // namespace

std::span<const std::string_view> job_actions() { return actions; }

bool is_job_action(std::string_view action) {
  return std::find(actions.begin(), actions.end(), action) != actions.end();
}

std::string to_json(const Job& job) {
  // In the table's order, which is the order a person reads.
  const auto printed = job_table().print(job);
  nlohmann::ordered_json ordered = nlohmann::ordered_json::object();
  for (const auto& field : job_table().fields)
    if (const auto found = printed.find(field.name); found != printed.end())
      ordered[field.name] = *found;
  if (job.guest) {
    auto& guest = ordered["guest"] = nlohmann::ordered_json::object();
    for (const auto& field : binding_table().fields) guest[field.name] = field.print(*job.guest);
  }
  return ordered.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Result<Job> parse_job(std::string_view text, std::string_view source_name) {
  const auto documents = TRY(tree::read_documents(text, source_name, tree::Syntax::json));
  return read_resource(job_table(), documents.front(), source_name);
}

std::string action_of_job_text(std::string_view text) {
  constexpr std::size_t longest = 63;
  const auto documents = tree::read_documents(text, "job", tree::Syntax::json);
  if (!documents || documents->size() != 1 || !documents->front().is_object()) return {};
  const auto found = documents->front().find("action");
  if (found == documents->front().end() || !found->is_string()) return {};
  return found->get<std::string>().substr(0, longest);
}

}  // namespace holdfast
