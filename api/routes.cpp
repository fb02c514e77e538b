// SPDX-License-Identifier: Apache-2.0
#include "api/routes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace holdfast::api {
namespace {

using Json = nlohmann::json;

constexpr std::size_t default_limit = 50;
constexpr std::size_t largest_limit = 1000;
constexpr std::size_t longest_name = 253;   // of anything in a path or a query
constexpr std::size_t longest_path = 4096;  // PATH_MAX

// One request as a handler sees it: the parts of the path that the route left open.
struct Call {
  const ControlPlane& to;
  const http::Request& request;
  std::vector<std::string> names{};  // in the order of the route's placeholders
};

using Handler = Result<std::string> (*)(const Call& call);

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string query(const Call& call, const std::string& name) {
  const auto found = call.request.query.find(name);
  return found == call.request.query.end() ? "" : found->second;
}

Result<std::size_t> limit_of(const Call& call) {
  const std::string text = query(call, "limit");
  if (text.empty()) return default_limit;
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc{} || end != text.data() + text.size() || limit == 0)
    return Error{Errc::invalid, "?limit=: found " + text.substr(0, 40) +
                                    ", expected a number from 1 to " +
                                    std::to_string(largest_limit)};
  return std::min(limit, largest_limit);
}

// The text under `key` of a body like {"name": "before-upgrade"}, which holds nothing else.
Result<std::string> body_text(const Call& call, const std::string& key, std::size_t longest) {
  const auto body = Json::parse(call.request.body, nullptr, false);
  const std::string expected = R"(, expected {")" + key + R"(": "..."})";
  if (body.is_discarded()) return Error{Errc::invalid, "body: found no JSON" + expected};
  if (!body.is_object() || body.size() != 1 || !body.contains(key) || !body[key].is_string())
    return Error{Errc::invalid, "body: found something else" + expected};
  auto text = body[key].get<std::string>();
  if (text.empty() || text.size() > longest)
    return Error{Errc::invalid, "body: /" + key + ": found " + std::to_string(text.size()) +
                                    " bytes, expected 1 to " + std::to_string(longest)};
  return text;
}

Result<std::string> give(const Call& call, Order::Kind kind, std::string object = {}) {
  const auto id = TRY(call.to.orders.give({kind, call.names.at(0), std::move(object)}));
  return dump({{"operation", to_string(id)}});
}

Result<std::string> get_status(const Call& call) { return to_json(TRY(call.to.reports.host())); }
Result<std::string> get_guests(const Call& call) { return to_json(TRY(call.to.reports.guests())); }
Result<std::string> get_guest(const Call& call) {
  return to_json(TRY(call.to.reports.guest(call.names.at(0))));
}
Result<std::string> get_why(const Call& call) {
  return dump({{"sentences", TRY(call.to.reports.why(call.names.at(0)))}});
}

Result<std::string> get_snapshots(const Call& call) {
  return to_json(TRY(call.to.inspections.snapshots(call.names.at(0))));
}
Result<std::string> post_snapshot(const Call& call) {
  return give(call, Order::Kind::snapshot, TRY(body_text(call, "name", longest_name)));
}
Result<std::string> roll_back_to_snapshot(const Call& call) {
  return give(call, Order::Kind::roll_back, call.names.at(1));
}
Result<std::string> delete_snapshot(const Call& call) {
  return give(call, Order::Kind::remove_snapshot, call.names.at(1));
}
Result<std::string> destroy(const Call& call) { return give(call, Order::Kind::destroy); }
Result<std::string> undelete(const Call& call) { return give(call, Order::Kind::undelete); }

Result<std::string> get_operations(const Call& call) {
  const auto limit = TRY(limit_of(call));
  return to_json(TRY(call.to.reports.operations(query(call, "subject"), limit)));
}
Result<std::string> get_operation(const Call& call) {
  const auto id = TRY(parse_operation_id(call.names.at(0)));
  return to_json(TRY(call.to.reports.operation(id)));
}
Result<std::string> retry_operation(const Call& call) {
  const auto id = TRY(parse_operation_id(call.names.at(0)));
  TRY(call.to.orders.retry(id));
  return dump({{"operation", to_string(id)}});
}
Result<std::string> roll_back_operation(const Call& call) {
  const auto id = TRY(parse_operation_id(call.names.at(0)));
  TRY(call.to.orders.roll_back(id));
  return dump({{"operation", to_string(id)}});
}

Result<std::string> get_tickets(const Call& call) {
  return to_json(TRY(call.to.reports.tickets()));
}
Result<std::string> get_ticket(const Call& call) {
  return to_json(TRY(call.to.inspections.ticket(call.names.at(0))));
}

Result<std::string> get_jobs(const Call& call) {
  const auto limit = TRY(limit_of(call));
  return to_json(TRY(call.to.inspections.jobs(limit)));
}
Result<std::string> get_job(const Call& call) {
  return to_json(TRY(call.to.inspections.job(call.names.at(0))));
}
Result<std::string> post_job(const Call& call) {
  if (call.request.body.empty())
    return Error{Errc::invalid,
                 R"(body: found nothing, expected {"payload":"...","signatures":["..."]})"};
  return to_json(TRY(call.to.orders.submit_job(call.request.body)));
}

Result<std::string> post_plan(const Call& call) {
  std::optional<std::string> text;
  if (!call.request.body.empty()) text = call.request.body;
  return to_json(TRY(call.to.inspections.plan(text)));
}
Result<std::string> post_apply(const Call& call) {
  if (call.request.body.empty())
    return Error{Errc::invalid, "body: found nothing, expected resources as YAML or JSON"};
  return to_json(TRY(call.to.orders.apply(call.request.body)));
}
Result<std::string> post_recover(const Call& call) {
  const std::string confirm = query(call, "confirm");
  if (!confirm.empty() && confirm != "true" && confirm != "false")
    return Error{Errc::invalid, "?confirm=: expected true or false"};
  return to_json(TRY(call.to.orders.recover(confirm == "true")));
}

// {"hub": "https://...", "token": "hf1..."}
Result<std::string> post_enroll(const Call& call) {
  const auto body = Json::parse(call.request.body, nullptr, false);
  const auto has = [&body](const char* key) { return body.contains(key) && body[key].is_string(); };
  if (!body.is_object() || body.size() != 2 || !has("hub") || !has("token"))
    return Error{Errc::invalid, R"(body: expected {"hub": "https://...", "token": "hf1..."})"};
  if (call.to.hub == nullptr) return Error{Errc::denied, "this daemon cannot be enrolled at a hub"};
  return to_json(
      TRY(call.to.hub->enroll(body["hub"].get<std::string>(), body["token"].get<std::string>())));
}

Result<std::string> get_metrics(const Call& call) {
  if (call.to.metrics == nullptr) return std::string{};
  return call.to.metrics->exposition();
}

Result<std::string> get_backups(const Call& call) {
  return to_json(TRY(call.to.inspections.backups(query(call, "guest"))));
}
Result<std::string> get_images(const Call& call) {
  return to_json(TRY(call.to.inspections.images()));
}
Result<std::string> get_imports(const Call& call) {
  return to_json(TRY(call.to.inspections.imports()));
}
Result<std::string> post_image(const Call& call) {
  const auto path = TRY(body_text(call, "path", longest_path));
  if (path.front() != '/')
    return Error{Errc::invalid, "body: /path: found " + path +
                                    ", expected an absolute path: the daemon has its own folder"};
  return to_json(TRY(call.to.orders.import_image(path)));
}
Result<std::string> get_targets(const Call& call) {
  return to_json(TRY(call.to.inspections.targets()));
}
Result<std::string> get_provider(const Call& call) {
  return to_json(TRY(call.to.inspections.provider()));
}
Result<std::string> get_support(const Call& call) { return call.to.inspections.support(); }

struct Route {
  std::string_view method;
  std::string_view path;   // {} stands for one name
  std::string_view query;  // parameters it takes, each between blanks
  Handler handler;
  std::string_view content_type = "application/json";
};

constexpr std::array routes{
    Route{"GET", "/v1/status", "", get_status},
    Route{"GET", "/v1/guests", "", get_guests},
    Route{"GET", "/v1/guests/{}", "", get_guest},
    Route{"GET", "/v1/guests/{}/why", "", get_why},
    Route{"GET", "/v1/guests/{}/snapshots", "", get_snapshots},
    Route{"POST", "/v1/guests/{}/snapshots", "", post_snapshot},
    Route{"POST", "/v1/guests/{}/snapshots/{}/rollback", "", roll_back_to_snapshot},
    Route{"DELETE", "/v1/guests/{}/snapshots/{}", "", delete_snapshot},
    Route{"POST", "/v1/guests/{}/undelete", "", undelete},
    Route{"POST", "/v1/guests/{}/destroy", "", destroy},
    Route{"GET", "/v1/operations", " subject limit ", get_operations},
    Route{"GET", "/v1/operations/{}", "", get_operation},
    Route{"POST", "/v1/operations/{}/retry", "", retry_operation},
    Route{"POST", "/v1/operations/{}/rollback", "", roll_back_operation},
    Route{"GET", "/v1/tickets", "", get_tickets},
    Route{"GET", "/v1/tickets/{}", "", get_ticket},
    Route{"GET", "/v1/jobs", " limit ", get_jobs},
    Route{"POST", "/v1/jobs", "", post_job},
    Route{"GET", "/v1/jobs/{}", "", get_job},
    Route{"POST", "/v1/plan", "", post_plan},
    Route{"POST", "/v1/apply", "", post_apply},
    Route{"POST", "/v1/recover", " confirm ", post_recover},
    Route{"POST", "/v1/enroll", "", post_enroll},
    Route{"GET", "/v1/backups", " guest ", get_backups},
    Route{"GET", "/v1/images", "", get_images},
    Route{"GET", "/v1/imports", "", get_imports},
    Route{"POST", "/v1/images", "", post_image},
    Route{"GET", "/v1/targets", "", get_targets},
    Route{"GET", "/v1/provider", "", get_provider},
    Route{"GET", "/metrics", "", get_metrics, exposition_type},
    Route{"GET", "/v1/support", "", get_support, "text/plain; charset=utf-8"},
};

std::string_view next_part(std::string_view& rest) {
  rest.remove_prefix(1);  // the slash
  const auto part = rest.substr(0, rest.find('/'));
  rest.remove_prefix(part.size());
  return part;
}

// Whether `path` is the route's; then `names` holds what its placeholders stood for.
bool matches(std::string_view route, std::string_view path, std::vector<std::string>& names) {
  names.clear();
  while (!route.empty() && !path.empty()) {
    const auto wanted = next_part(route);
    const auto found = next_part(path);
    if (wanted != "{}" && wanted != found) return false;
    if (wanted != "{}") continue;
    if (found.empty() || found.size() > longest_name) return false;
    names.emplace_back(found);
  }
  return route.empty() && path.empty();
}

Result<void> check_query(const Route& route, const http::Request& request) {
  for (const auto& [name, value] : request.query) {
    if (!name.empty() && name.find(' ') == std::string::npos &&
        route.query.find(" " + name + " ") != std::string_view::npos) {
      if (value.size() <= longest_name + sizeof "guest/") continue;
      return Error{Errc::invalid, "?" + name + "=: the value is too long"};
    }
    return Error{Errc::invalid, "?" + name.substr(0, 40) + "=: " + std::string{route.method} + " " +
                                    std::string{route.path} + " takes no such parameter"};
  }
  return ok();
}

http::Response run(const Route& route, const Call& call) {
  const auto checked = check_query(route, call.request);
  if (!checked) return answer(checked.error());
  auto body = route.handler(call);
  if (!body) return answer(body.error());
  return {.status = 200,
          .content_type = std::string{route.content_type},
          .body = std::move(body).value()};
}

http::Response refusal(int status, std::string_view kind, const std::string& message) {
  return {.status = status,
          .content_type = "application/json",
          .body = dump({{"error", {{"kind", kind}, {"message", message}}}})};
}

// One line of at most 200 bytes, for messages.
std::string shown(std::string_view text) { return std::string{text.substr(0, 200)}; }

}  // namespace

http::Response answer(const Error& error) {
  return refusal(http::status_of(error.code()), http::word_of(error.code()), error.message());
}

http::Response answer(const ControlPlane& control_plane, const http::Request& request) {
  std::string allowed;
  Call call{control_plane, request, {}};
  if (request.path.empty() || request.path.front() != '/')
    return answer(Error{Errc::invalid, "found no path, expected one like /v1/status"});
  for (const Route& route : routes) {
    if (!matches(route.path, request.path, call.names)) continue;
    if (route.method == request.method) return run(route, call);
    allowed += (allowed.empty() ? "" : " or ") + std::string{route.method};
  }
  if (allowed.empty())
    return answer(Error{Errc::not_found, "there is no route " + shown(request.path) +
                                             "; is holdfast as new as holdfastd?"});
  return refusal(405, http::word_of(Errc::invalid),
                 shown(request.path) + " takes " + allowed + ", not " + shown(request.method));
}

}  // namespace holdfast::api
