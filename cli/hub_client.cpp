// SPDX-License-Identifier: Apache-2.0
#include "cli/hub_client.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include "cli/answer_error.hpp"

namespace holdfast::cli {
namespace {

constexpr std::uint64_t longest_answer = 64 * 1024 * 1024;  // bytes
constexpr Duration patience = std::chrono::minutes{1};

Result<std::string> read_text(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) return Error{Errc::not_found, "cannot read " + path};
  return std::string{std::istreambuf_iterator<char>{in}, {}};
}

std::string config_path(const Environment& environment) {
  if (auto path = environment.variable("HOLDFAST_HUB_CONFIG"); !path.empty()) return path;
  auto base = environment.variable("XDG_CONFIG_HOME");
  if (base.empty()) base = environment.variable("HOME") + "/.config";
  return base + "/holdfast/hub.json";
}

// Nothing, when there is no such file.
Result<HubLogin> read_login(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return HubLogin{};
  // It holds a key: as ssh does with its own.
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return Error{Errc::denied,
                 path + " holds a key and others may read it; `chmod 600 " + path + "`"};
  const auto text = TRY(read_text(path));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  HubLogin login;
  for (const auto& [name, member] :
       {std::pair{"url", &login.url}, std::pair{"key", &login.key}, std::pair{"ca", &login.ca}}) {
    if (!json.is_object() || !json.contains(name) || !json[name].is_string())
      return Error{Errc::invalid, path +
                                      ": expected {\"url\", \"key\", \"ca\"}, as "
                                      "`holdfast-hub add-operator` prints it"};
    *member = json[name].get<std::string>();
  }
  return login;
}

template <class Report>
Result<Report> parsed(Result<std::string> answer) {
  if (!answer) return answer.error();
  return parse_hub_report<Report>(*answer);
}

}  // namespace

Result<HubLogin> find_hub_login(const Environment& environment) {
  const auto path = config_path(environment);
  auto login = TRY(read_login(path));
  if (auto url = environment.variable("HOLDFAST_HUB_URL"); !url.empty()) login.url = url;
  if (auto key = environment.variable("HOLDFAST_HUB_KEY"); !key.empty()) login.key = key;
  if (const auto ca = environment.variable("HOLDFAST_HUB_CA"); !ca.empty())
    login.ca = TRY(read_text(ca).context("HOLDFAST_HUB_CA"));
  if (!login.url.empty() && !login.key.empty()) return login;
  return Error{Errc::not_found,
               "no hub is named: put what `holdfast-hub add-operator` prints into " + path +
                   ", or set HOLDFAST_HUB_URL, HOLDFAST_HUB_KEY and "
                   "HOLDFAST_HUB_CA"};
}

Result<HubClient> HubClient::open(const Environment& environment) {
  auto login = TRY(find_hub_login(environment));
  auto client = TRY(http::HttpsClient::open({.url = std::move(login.url),
                                             .ca_pem = std::move(login.ca),
                                             .bearer = std::move(login.key),
                                             .max_body = longest_answer}));
  return HubClient{std::move(client)};
}

Result<std::string> HubClient::ask(const std::string& method, const std::string& path, Query query,
                                   std::string body) {
  http::Request request;
  request.method = method;
  request.path = path;
  std::erase_if(query, [](const auto& item) { return item.second.empty(); });
  request.query = std::move(query);
  request.body = std::move(body);
  auto response = TRY(client_->request(request, {.deadline = patience}));
  if (response.status != 200) return error_of(response, "the hub at " + client_->url());
  return std::move(response.body);
}

Result<std::vector<HubHostReport>> HubClient::hosts() {
  return parsed<std::vector<HubHostReport>>(ask("GET", "/v1/hosts"));
}
Result<HubHostReport> HubClient::host(const std::string& name) {
  const auto part = TRY(path_part(name));
  return parsed<HubHostReport>(ask("GET", "/v1/hosts" + part));
}
Result<void> HubClient::remove(const std::string& name) {
  const auto part = TRY(path_part(name));
  TRY(ask("DELETE", "/v1/hosts" + part));
  return ok();
}

Result<HubApplyReport> HubClient::apply(const Edit& edit, const std::string& text,
                                        bool is_pruning) {
  const auto part = TRY(path_part(edit.host));
  return parsed<HubApplyReport>(ask("POST", "/v1/hosts" + part + "/desired",
                                    {{"comment", edit.comment},
                                     {"dryRun", edit.is_dry_run ? "true" : ""},
                                     {"prune", is_pruning ? "true" : ""}},
                                    text));
}
Result<HubApplyReport> HubClient::roll_back(const Edit& edit, std::uint64_t generation) {
  const auto part = TRY(path_part(edit.host));
  return parsed<HubApplyReport>(ask("POST", "/v1/hosts" + part + "/rollback",
                                    {{"comment", edit.comment},
                                     {"dryRun", edit.is_dry_run ? "true" : ""},
                                     {"generation", std::to_string(generation)}}));
}
Result<std::vector<GenerationReport>> HubClient::history(const std::string& host,
                                                         std::size_t limit) {
  const auto part = TRY(path_part(host));
  return parsed<std::vector<GenerationReport>>(
      ask("GET", "/v1/hosts" + part + "/generations", {{"limit", std::to_string(limit)}}));
}
Result<GenerationReport> HubClient::generation(const std::string& host, std::uint64_t number) {
  const auto part = TRY(path_part(host));
  return parsed<GenerationReport>(
      ask("GET", "/v1/hosts" + part + "/generations/" + std::to_string(number)));
}
Result<DiffReport> HubClient::diff(const std::string& host, std::uint64_t from, std::uint64_t to) {
  const auto part = TRY(path_part(host));
  return parsed<DiffReport>(
      ask("GET", "/v1/hosts" + part + "/diff",
          {{"from", std::to_string(from)}, {"to", to == 0 ? "" : std::to_string(to)}}));
}

Result<HubJobReport> HubClient::put_job(const std::string& host, const std::string& envelope) {
  const auto part = TRY(path_part(host));
  return parsed<HubJobReport>(ask("POST", "/v1/hosts" + part + "/jobs", {}, envelope));
}
Result<std::vector<HubJobReport>> HubClient::jobs(const std::string& host, std::size_t limit) {
  const auto part = TRY(path_part(host));
  return parsed<std::vector<HubJobReport>>(
      ask("GET", "/v1/hosts" + part + "/jobs", {{"limit", std::to_string(limit)}}));
}
Result<EnrollTokenReport> HubClient::enroll_token() {
  return parsed<EnrollTokenReport>(ask("POST", "/v1/enroll-tokens"));
}

Result<std::vector<AlertReport>> HubClient::alerts(std::size_t limit, bool only_holding) {
  return parsed<std::vector<AlertReport>>(
      ask("GET", "/v1/alerts",
          {{"limit", std::to_string(limit)}, {"holding", only_holding ? "true" : ""}}));
}
Result<std::vector<SilenceReport>> HubClient::silences() {
  return parsed<std::vector<SilenceReport>>(ask("GET", "/v1/silences"));
}
Result<SilenceReport> HubClient::silence(const NewSilence& silence) {
  return parsed<SilenceReport>(ask("POST", "/v1/silences",
                                   {{"host", silence.host},
                                    {"alert", silence.alert},
                                    {"for", silence.time},
                                    {"reason", silence.reason}}));
}
Result<SilenceReport> HubClient::end_silence(const std::string& id) {
  const auto part = TRY(path_part(id));
  return parsed<SilenceReport>(ask("DELETE", "/v1/silences" + part));
}

}  // namespace holdfast::cli
