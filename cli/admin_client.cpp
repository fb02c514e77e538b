// SPDX-License-Identifier: Apache-2.0
#include "cli/admin_client.hpp"

#include <chrono>
#include <string_view>

#include <nlohmann/json.hpp>

#include "cli/answer_error.hpp"
#include "http/unix_client.hpp"

namespace holdfast::cli {
namespace {

using Json = nlohmann::json;

// A plan or a list of guests asks the provider, which may be slow to answer.
constexpr Duration usual_deadline = std::chrono::minutes{2};
constexpr Duration import_deadline = std::chrono::hours{24};
constexpr std::uint64_t longest_answer = 64 * 1024 * 1024;  // bytes

std::string object(const std::string& key, const std::string& value) {
  return Json{{key, value}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Error not_understood() {
  return Error{Errc::internal, "the daemon's answer was not understood; is holdfast as new as it?"};
}

}  // namespace

Result<std::string> AdminClient::exchange(const http::Request& request, Duration deadline) const {
  http::ClientOptions options;
  options.socket_path = socket_;
  options.deadline = deadline;
  options.max_body = longest_answer;
  auto response = TRY(http::request(options, request));
  if (response.status != 200) return error_of(response, "the daemon");
  return std::move(response.body);
}

Result<std::string> AdminClient::get(const std::string& path) const {
  http::Request request;
  request.path = path;
  return exchange(request, usual_deadline);
}

Result<std::string> AdminClient::post(const std::string& path, std::string body) const {
  http::Request request;
  request.method = "POST";
  request.path = path;
  request.body = std::move(body);
  return exchange(request, usual_deadline);
}

Result<OperationId> AdminClient::order(const std::string& method, const std::string& path,
                                       std::string body) const {
  http::Request request;
  request.method = method;
  request.path = path;
  request.body = std::move(body);
  const auto answer = Json::parse(TRY(exchange(request, usual_deadline)), nullptr, false);
  if (!answer.is_object() || !answer.contains("operation") || !answer["operation"].is_string())
    return not_understood();
  return parse_operation_id(answer["operation"].get<std::string>());
}

Result<HostReport> AdminClient::status() const {
  return parse_report<HostReport>(TRY(get("/v1/status")));
}
Result<std::vector<GuestReport>> AdminClient::guests() const {
  return parse_report<std::vector<GuestReport>>(TRY(get("/v1/guests")));
}
Result<GuestReport> AdminClient::guest(const std::string& name) const {
  const auto path = "/v1/guests" + TRY(path_part(name));
  return parse_report<GuestReport>(TRY(get(path)));
}

Result<std::vector<std::string>> AdminClient::why(const std::string& guest) const {
  const auto path = "/v1/guests" + TRY(path_part(guest)) + "/why";
  const auto answer = Json::parse(TRY(get(path)), nullptr, false);
  if (!answer.is_object() || !answer.contains("sentences") || !answer["sentences"].is_array())
    return not_understood();
  std::vector<std::string> sentences;
  for (const auto& sentence : answer["sentences"]) {
    if (!sentence.is_string()) return not_understood();
    sentences.push_back(sentence.get<std::string>());
  }
  return sentences;
}

Result<std::vector<OperationReport>> AdminClient::operations(const std::string& subject,
                                                             std::size_t limit) const {
  http::Request request;
  request.path = "/v1/operations";
  if (!subject.empty()) request.query["subject"] = subject;
  request.query["limit"] = std::to_string(limit);
  return parse_report<std::vector<OperationReport>>(TRY(exchange(request, usual_deadline)));
}
Result<OperationDetail> AdminClient::operation(OperationId id) const {
  return parse_admin_report<OperationDetail>(TRY(get("/v1/operations/" + to_string(id))));
}
Result<std::vector<TicketReport>> AdminClient::tickets() const {
  return parse_report<std::vector<TicketReport>>(TRY(get("/v1/tickets")));
}
Result<TicketReport> AdminClient::ticket(const std::string& id) const {
  const auto path = "/v1/tickets" + TRY(path_part(id));
  return parse_report<TicketReport>(TRY(get(path)));
}
Result<PlanReport> AdminClient::plan(const std::optional<std::string>& text) const {
  return parse_report<PlanReport>(TRY(post("/v1/plan", text.value_or(""))));
}
Result<std::vector<SnapshotReport>> AdminClient::snapshots(const std::string& guest) const {
  const auto path = "/v1/guests" + TRY(path_part(guest)) + "/snapshots";
  return parse_admin_report<std::vector<SnapshotReport>>(TRY(get(path)));
}
Result<std::vector<BackupReport>> AdminClient::backups(const std::string& guest) const {
  http::Request request;
  request.path = "/v1/backups";
  if (!guest.empty()) request.query["guest"] = guest;
  return parse_admin_report<std::vector<BackupReport>>(TRY(exchange(request, usual_deadline)));
}
Result<std::vector<ImageReport>> AdminClient::images() const {
  return parse_admin_report<std::vector<ImageReport>>(TRY(get("/v1/images")));
}
Result<ProviderReport> AdminClient::provider() const {
  return parse_admin_report<ProviderReport>(TRY(get("/v1/provider")));
}
Result<std::vector<TargetReport>> AdminClient::targets() const {
  return parse_admin_report<std::vector<TargetReport>>(TRY(get("/v1/targets")));
}
Result<std::vector<JobReport>> AdminClient::jobs(std::size_t limit) const {
  http::Request request;
  request.path = "/v1/jobs";
  request.query["limit"] = std::to_string(limit);
  return parse_admin_report<std::vector<JobReport>>(TRY(exchange(request, usual_deadline)));
}
Result<JobReport> AdminClient::job(const std::string& id) const {
  const auto path = "/v1/jobs" + TRY(path_part(id));
  return parse_admin_report<JobReport>(TRY(get(path)));
}
Result<JobReport> AdminClient::submit_job(std::string envelope) const {
  return parse_admin_report<JobReport>(TRY(post("/v1/jobs", std::move(envelope))));
}
Result<std::string> AdminClient::support() const { return get("/v1/support"); }

Result<ApplyReport> AdminClient::apply(const std::string& text) const {
  return parse_admin_report<ApplyReport>(TRY(post("/v1/apply", text)));
}
Result<OperationId> AdminClient::take_snapshot(const std::string& guest,
                                               const std::string& name) const {
  const auto path = "/v1/guests" + TRY(path_part(guest)) + "/snapshots";
  return order("POST", path, object("name", name));
}
Result<OperationId> AdminClient::roll_back(const std::string& guest,
                                           const std::string& snapshot) const {
  const auto of_guest = TRY(path_part(guest));
  const auto to = TRY(path_part(snapshot));
  return order("POST", "/v1/guests" + of_guest + "/snapshots" + to + "/rollback", "");
}
Result<OperationId> AdminClient::remove_snapshot(const std::string& guest,
                                                 const std::string& snapshot) const {
  const auto of_guest = TRY(path_part(guest));
  const auto which = TRY(path_part(snapshot));
  return order("DELETE", "/v1/guests" + of_guest + "/snapshots" + which, "");
}
Result<OperationId> AdminClient::destroy(const std::string& guest) const {
  const auto path = "/v1/guests" + TRY(path_part(guest)) + "/destroy";
  return order("POST", path, "");
}
Result<OperationId> AdminClient::undelete(const std::string& guest) const {
  const auto path = "/v1/guests" + TRY(path_part(guest)) + "/undelete";
  return order("POST", path, "");
}
Result<void> AdminClient::retry(OperationId id) const {
  TRY(post("/v1/operations/" + to_string(id) + "/retry", ""));
  return ok();
}
Result<void> AdminClient::roll_back(OperationId id) const {
  TRY(post("/v1/operations/" + to_string(id) + "/rollback", ""));
  return ok();
}

Result<RecoverReport> AdminClient::recover(bool confirm) const {
  http::Request request;
  request.method = "POST";
  request.path = "/v1/recover";
  if (confirm) request.query["confirm"] = "true";
  return parse_admin_report<RecoverReport>(TRY(exchange(request, usual_deadline)));
}

Result<HubReport> AdminClient::enroll(const std::string& hub, const std::string& token) const {
  const Json body{{"hub", hub}, {"token", token}};
  return parse_report<HubReport>(
      TRY(post("/v1/enroll", body.dump(-1, ' ', false, Json::error_handler_t::replace))));
}

Result<std::vector<ImportReport>> AdminClient::imports() const {
  return parse_admin_report<std::vector<ImportReport>>(TRY(get("/v1/imports")));
}

Result<ImageReport> AdminClient::import_image(const std::string& absolute_path) const {
  http::Request request;
  request.method = "POST";
  request.path = "/v1/images";
  request.body = object("path", absolute_path);
  return parse_admin_report<ImageReport>(TRY(exchange(request, import_deadline)));
}

}  // namespace holdfast::cli
