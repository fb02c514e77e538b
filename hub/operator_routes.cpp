// SPDX-License-Identifier: Apache-2.0
#include "hub/operator_routes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "hub/answers.hpp"
#include "schema/quantity.hpp"

namespace holdfast::hub {
namespace {

constexpr std::size_t default_limit = 50;
constexpr std::size_t largest_limit = 1000;
constexpr std::size_t longest_value = 1000;  // of anything in a path or a query

struct Call {
  const OperatorApi& to;
  const Operator& who;
  const http::Request& request;
  std::vector<std::string> names{};  // what the route left open; a host is its id already
};
using Handler = Result<std::string> (*)(const Call& call);

std::string query(const Call& call, const std::string& name) {
  const auto found = call.request.query.find(name);
  return found == call.request.query.end() ? "" : found->second;
}

bool is_set(const Call& call, const std::string& name) { return query(call, name) == "true"; }

Result<std::uint64_t> number(const std::string& text, const std::string& what) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size()) return value;
  return Error{Errc::invalid, what + ": found \"" + text.substr(0, 40) + "\", expected a number"};
}

Result<std::uint64_t> number_in_query(const Call& call, const std::string& name,
                                      std::uint64_t otherwise) {
  const auto text = query(call, name);
  if (text.empty()) return otherwise;
  return number(text, "?" + name + "=");
}

Result<std::size_t> limit_of(const Call& call) {
  return std::min<std::size_t>(TRY(number_in_query(call, "limit", default_limit)), largest_limit);
}

EditOrder order_of(const Call& call) {
  return {call.names.at(0), call.who.name, query(call, "comment"), is_set(call, "dryRun")};
}

Result<std::string> get_hosts(const Call& call) { return to_json(TRY(call.to.desk.hosts())); }
Result<std::string> get_host(const Call& call) {
  return to_json(TRY(call.to.desk.host(call.names.at(0))));
}
Result<std::string> delete_host(const Call& call) {
  TRY(call.to.desk.remove(call.names.at(0), call.who.name));
  return std::string{"{}"};
}
Result<std::string> post_desired(const Call& call) {
  if (call.request.body.empty())
    return Error{Errc::invalid, "body: found nothing, expected resources as YAML or JSON"};
  const Edit edit{call.request.body, is_set(call, "prune")};
  return to_json(TRY(call.to.desk.apply(order_of(call), edit)));
}
Result<std::string> post_rollback(const Call& call) {
  const auto generation = TRY(number(query(call, "generation"), "?generation="));
  return to_json(TRY(call.to.desk.roll_back(order_of(call), generation)));
}
Result<std::string> get_generations(const Call& call) {
  const auto limit = TRY(limit_of(call));
  return to_json(TRY(call.to.desk.history(call.names.at(0), limit)));
}
Result<std::string> get_generation(const Call& call) {
  const auto generation = TRY(number(call.names.at(1), "generation"));
  return to_json(TRY(call.to.desk.generation(call.names.at(0), generation)));
}
Result<std::string> get_diff(const Call& call) {
  const auto from = TRY(number_in_query(call, "from", 0));
  const auto to = TRY(number_in_query(call, "to", 0));
  return to_json(TRY(call.to.desk.diff(call.names.at(0), from, to)));
}
Result<std::string> get_jobs(const Call& call) {
  const auto limit = TRY(limit_of(call));
  return to_json(TRY(call.to.desk.jobs(call.names.at(0), limit)));
}
Result<std::string> post_job(const Call& call) {
  return to_json(TRY(call.to.desk.put_job(call.names.at(0), call.request.body, call.who.name)));
}
Result<std::string> post_token(const Call& call) {
  return to_json(TRY(call.to.desk.enroll_token(call.who.name)));
}
Result<std::string> get_alerts(const Call& call) {
  const auto limit = TRY(limit_of(call));
  return to_json(TRY(call.to.desk.alerts(limit, is_set(call, "holding"))));
}
Result<std::string> get_silences(const Call& call) { return to_json(TRY(call.to.desk.silences())); }
Result<std::string> post_silence(const Call& call) {
  SilenceOrder order{
      .alert = query(call, "alert"), .reason = query(call, "reason"), .author = call.who.name};
  if (const auto host = query(call, "host"); !host.empty())
    order.host = TRY(call.to.hosts.resolve(host));
  order.time = TRY(parse_duration(query(call, "for")).context("?for="));
  return to_json(TRY(call.to.desk.silence(order)));
}
Result<std::string> delete_silence(const Call& call) {
  return to_json(TRY(call.to.desk.end_silence(call.names.at(0))));
}
Result<std::string> get_metrics(const Call& call) { return call.to.metrics(); }

struct Route {
  std::string_view method;
  std::string_view path;   // {} stands for one name, {host} for a host
  std::string_view query;  // parameters it takes, each between blanks
  Handler handler;
  // Desired state may hold secrets: not for a key that only watches.
  bool is_for_viewers = true;
  std::string_view content_type = "application/json";
};

constexpr std::array routes{
    Route{"GET", "/v1/hosts", "", get_hosts},
    Route{"GET", "/v1/hosts/{host}", "", get_host},
    Route{"DELETE", "/v1/hosts/{host}", "", delete_host, false},
    Route{"POST", "/v1/hosts/{host}/desired", " prune dryRun comment ", post_desired, false},
    Route{"POST", "/v1/hosts/{host}/rollback", " generation dryRun comment ", post_rollback, false},
    Route{"GET", "/v1/hosts/{host}/generations", " limit ", get_generations},
    Route{"GET", "/v1/hosts/{host}/generations/{}", "", get_generation, false},
    Route{"GET", "/v1/hosts/{host}/diff", " from to ", get_diff},
    Route{"GET", "/v1/hosts/{host}/jobs", " limit ", get_jobs},
    Route{"POST", "/v1/hosts/{host}/jobs", "", post_job, false},
    Route{"POST", "/v1/enroll-tokens", "", post_token, false},
    Route{"GET", "/v1/alerts", " limit holding ", get_alerts},
    Route{"GET", "/v1/silences", "", get_silences},
    Route{"POST", "/v1/silences", " host alert for reason ", post_silence, false},
    Route{"DELETE", "/v1/silences/{}", "", delete_silence, false},
    Route{"GET", "/metrics", "", get_metrics, true, prometheus_content_type},
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
    const bool is_open = wanted.starts_with('{');
    if (!is_open && wanted != found) return false;
    if (!is_open) continue;
    if (found.empty() || found.size() > longest_value) return false;
    names.emplace_back(found);
  }
  return route.empty() && path.empty();
}

Result<void> check_query(const Route& route, const http::Request& request) {
  for (const auto& [name, value] : request.query) {
    const bool is_known = !name.empty() && name.find(' ') == std::string::npos &&
                          route.query.find(" " + name + " ") != std::string_view::npos;
    if (!is_known)
      return Error{Errc::invalid, "?" + name.substr(0, 40) + "=: " + std::string{route.method} +
                                      " " + std::string{route.path} + " takes no such parameter"};
    if (value.size() > longest_value)
      return Error{Errc::invalid, "?" + name + "=: the value is too long"};
  }
  return ok();
}

Result<std::string> run(const Route& route, Call& call) {
  if (call.who.role == Role::viewer && !route.is_for_viewers)
    return Error{Errc::denied, "the key of " + call.who.name + " may only watch"};
  TRY(check_query(route, call.request));
  if (route.path.find("{host}") != std::string_view::npos)
    call.names.at(0) = TRY(call.to.hosts.resolve(call.names.at(0)));
  return route.handler(call);
}

}  // namespace

http::Response answer_operator(const OperatorApi& api, const Operator& who,
                               const http::Request& request) {
  std::string allowed;
  Call call{api, who, request, {}};
  for (const Route& route : routes) {
    if (!matches(route.path, request.path, call.names)) continue;
    if (route.method == request.method) {
      auto response = answer(run(route, call));
      if (response.status == 200) response.content_type = std::string{route.content_type};
      return response;
    }
    allowed += (allowed.empty() ? "" : " or ") + std::string{route.method};
  }
  const auto path = request.path.substr(0, 200);
  if (allowed.empty())
    return answer(
        Error{Errc::not_found, "there is no route " + path + "; is holdfast as new as the hub?"});
  return refusal(405, "invalid",
                 path + " takes " + allowed + ", not " + request.method.substr(0, 20));
}

}  // namespace holdfast::hub
