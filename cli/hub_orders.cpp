// SPDX-License-Identifier: Apache-2.0
#include "cli/documents.hpp"
#include "cli/hub_client.hpp"
#include "cli/hub_commands.hpp"
#include "cli/render.hpp"
#include "cli/render_hub.hpp"
#include "schema/job.hpp"

namespace holdfast::cli {
namespace {

bool is_wide(const Invocation& invocation) { return invocation.format() == Format::wide; }

std::string rows(const Table& table, const Invocation& invocation, const std::string& nothing) {
  if (!table.empty()) return table.render(invocation.style());
  invocation.say(nothing);
  return {};
}

}  // namespace

Result<Exit> hub_host_list(const Invocation& invocation) {
  auto hub = TRY(HubClient::open(invocation.environment()));
  const auto hosts = TRY(hub.hosts());
  TRY(invocation.show(to_json(hosts), [&] {
    return rows(hub_hosts_table(hosts, invocation.now(), is_wide(invocation)), invocation,
                "no hosts; enrol one with `holdfast hub enroll-token`");
  }));
  return Exit::done;
}

Result<Exit> hub_host_show(const Invocation& invocation, const std::string& host) {
  auto hub = TRY(HubClient::open(invocation.environment()));
  const auto report = TRY(hub.host(host));
  TRY(invocation.show(to_json(report), [&] {
    return describe_hub_host(report, invocation.now(), invocation.style());
  }));
  return Exit::done;
}

Result<Exit> hub_host_remove(const Invocation& invocation, const HubLookOptions& options) {
  auto hub = TRY(HubClient::open(invocation.environment()));
  const auto host = TRY(hub.host(options.host));
  const bool is_agreed = options.is_confirmed ||
                         TRY(invocation.confirm("Forget " + host.hostname +
                                                " with its history, jobs and key? The "
                                                "host itself and its guests go on as they are."));
  if (!is_agreed) return Exit::failed;
  TRY(hub.remove(host.host_id));
  invocation.say("the hub has forgotten " + host.hostname);
  return Exit::done;
}

Result<Exit> hub_job_put(const Invocation& invocation, const std::string& file,
                         const std::string& host) {
  const auto documents = TRY(read_documents({file}, invocation.environment().in));
  if (documents.size() != 1)
    return Error{Errc::invalid, file + ": expected one envelope, as `holdfast job sign` makes it"};
  const auto envelope =
      TRY(parse_message<JobEnvelope>(documents.front().text)
              .context(file + ": not an envelope, as `holdfast job sign` makes it"));
  std::string to = host;
  if (to.empty()) to = TRY(parse_job(envelope.payload, file)).host_id;
  auto hub = TRY(HubClient::open(invocation.environment()));
  const auto job = TRY(hub.put_job(to, documents.front().text));
  TRY(invocation.show(to_json(job), [&] {
    return hub_jobs_table({job}, invocation.now(), is_wide(invocation)).render(invocation.style());
  }));
  return Exit::done;
}

Result<Exit> hub_job_list(const Invocation& invocation, const HubLookOptions& options) {
  auto hub = TRY(HubClient::open(invocation.environment()));
  const auto jobs = TRY(hub.jobs(options.host, options.limit));
  TRY(invocation.show(to_json(jobs), [&] {
    return rows(hub_jobs_table(jobs, invocation.now(), is_wide(invocation)), invocation,
                "no jobs for this host");
  }));
  return Exit::done;
}

Result<Exit> hub_enroll_token(const Invocation& invocation) {
  auto hub = TRY(HubClient::open(invocation.environment()));
  const auto token = TRY(hub.enroll_token());
  TRY(invocation.show(to_json(token), [&] { return token.token + "\n"; }));
  if (invocation.is_for_people())
    invocation.say("for one host, until " + to_string(token.expires) +
                   "; there: `holdfast enroll --hub URL TOKEN`");
  return Exit::done;
}

Result<Exit> hub_alerts(const Invocation& invocation, const HubLookOptions& options) {
  auto hub = TRY(HubClient::open(invocation.environment()));
  const auto alerts = TRY(hub.alerts(options.limit, options.only_holding));
  TRY(invocation.show(to_json(alerts), [&] {
    return rows(alerts_table(alerts, invocation.now(), is_wide(invocation)), invocation,
                options.only_holding ? "no alert holds" : "no alerts");
  }));
  for (const auto& alert : alerts)
    if (!alert.ended) return Exit::differs;
  return Exit::done;
}

Result<Exit> hub_silence(const Invocation& invocation, const HubSilenceOptions& options) {
  auto hub = TRY(HubClient::open(invocation.environment()));
  const std::string host = options.host == "all" ? "" : options.host;
  const auto silence = TRY(hub.silence({host, options.alert, options.time, options.reason}));
  TRY(invocation.show(to_json(silence), [&] { return silence.id + "\n"; }));
  if (invocation.is_for_people()) invocation.say("silent until " + to_string(silence.ends));
  return Exit::done;
}

Result<Exit> hub_silence_list(const Invocation& invocation) {
  auto hub = TRY(HubClient::open(invocation.environment()));
  const auto silences = TRY(hub.silences());
  TRY(invocation.show(to_json(silences), [&] {
    return rows(silences_table(silences, invocation.now()), invocation, "nothing is silenced");
  }));
  return Exit::done;
}

Result<Exit> hub_silence_end(const Invocation& invocation, const std::string& id) {
  auto hub = TRY(HubClient::open(invocation.environment()));
  const auto silence = TRY(hub.end_silence(id));
  TRY(invocation.show(to_json(silence), [&] { return silence.id + "\n"; }));
  return Exit::done;
}

}  // namespace holdfast::cli
