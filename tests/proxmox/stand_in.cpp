// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/stand_in.hpp"

#include <algorithm>
#include <utility>

#include "tests/proxmox/request_parameters.hpp"

namespace holdfast::standin {
namespace {

using nlohmann::json;

constexpr Duration refusal_delay{3'000};  // of a 401

// Goes on with the options' clock, and by what the test advances.
class StandInClock final : public Clock {
 public:
  explicit StandInClock(const StandInOptions& options)
      : base_{options.clock}, start_{options.start} {
    if (base_ != nullptr) first_ = base_->elapsed();
  }
  Time now() const override { return start_ + elapsed(); }
  Duration elapsed() const override {
    return moved_ + (base_ == nullptr ? Duration{0} : base_->elapsed() - first_);
  }
  void advance(Duration by) { moved_ += by; }

 private:
  const Clock* base_;
  Time start_;
  Duration first_{0};
  Duration moved_{0};
};

std::string relative_path(const http::Request& request) {
  constexpr std::string_view prefix = "/api2/json";
  return request.path.starts_with(prefix) ? request.path.substr(prefix.size()) : request.path;
}

Exchange plain(int status, const std::string& text, std::string body = {}) {
  Exchange exchange;
  exchange.response = {status, body.empty() ? "" : "text/plain", std::move(body), {}};
  exchange.reason = text;
  exchange.closes = status >= 400;
  return exchange;
}

Exchange json_answer(int status, const json& body, const std::string& reason) {
  Exchange exchange = plain(status, reason);
  exchange.response.content_type = "application/json;charset=UTF-8";
  exchange.response.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return exchange;
}

Exchange refusal_answer(const Refusal& refusal) {
  json body{{"data", nullptr}, {"message", refusal.message}};
  if (!refusal.errors.empty()) body["errors"] = refusal.errors;
  return json_answer(refusal.status, body, refusal.message.substr(0, refusal.message.find('\n')));
}

}  // namespace

struct StandIn::State {
  explicit State(StandInOptions given)
      : options{std::move(given)},
        clock{options},
        world{options.version, options.node},
        tasks{options.node} {
    tick();
  }

  StandInOptions options;
  StandInClock clock;
  World world;
  TaskBook tasks;
  std::vector<Fault> faults{};
  std::uint64_t calls = 0;
  std::map<std::string, std::uint64_t> by_endpoint{};
  std::vector<Violation> violations{};
  std::map<std::string, Exchange> answered{};  // GETs, for stale answers
  Time last_broadcast{};

  void tick();
  void broadcast();
  void note(const http::Request& request, const std::string& parameter, const std::string& what,
            Version version);
  void check_schemas(const http::Request& request, const Endpoint& endpoint,
                     const Parameters& parameters);
  Exchange process(const http::Request& request);
  Exchange dispatch(const http::Request& request, const Caller& caller);
  std::optional<Fault> take_fault(const http::Request& request);
  void prepare(const Fault& fault);
  Exchange with_fault(const Fault& fault, const http::Request& request);
  Exchange stale(const http::Request& request);
};

void StandIn::State::tick() {
  tasks.settle(clock.now());
  world.now =
      std::chrono::duration_cast<std::chrono::seconds>(clock.now().time_since_epoch()).count();
  if (clock.now() - last_broadcast >= options.broadcast) broadcast();
}

void StandIn::State::broadcast() {
  last_broadcast = clock.now();
  for (auto& [vmid, guest] : world.guests) guest.told = guest.power;
}

void StandIn::State::note(const http::Request& request, const std::string& parameter,
                          const std::string& what, Version version) {
  violations.push_back(
      {calls, version, request.method + " " + relative_path(request), parameter, what});
}

void StandIn::State::check_schemas(const http::Request& request, const Endpoint& endpoint,
                                   const Parameters& parameters) {
  for (const auto version : all_versions)
    for (const auto& [name, why] : check_parameters(endpoint.in(version), parameters))
      note(request, name, why, version);
}

Exchange StandIn::State::process(const http::Request& request) {
  static const std::vector<std::string> methods{"GET", "POST", "PUT", "DELETE"};
  if (std::find(methods.begin(), methods.end(), request.method) == methods.end()) {
    for (const auto version : all_versions) note(request, "", "method not available", version);
    return plain(501, "method '" + request.method + "' not available");
  }
  const auto authorization = request.headers.find("Authorization");
  const std::string credential =
      authorization == request.headers.end() ? "" : authorization->second;
  const auto caller = world.access.authenticate(credential, clock.now());
  if (!caller) {
    const bool is_token = credential.starts_with("PVEAPIToken");
    Exchange exchange = plain(401, is_token ? "Authentication failed!" : "No ticket");
    exchange.delay = refusal_delay;
    return exchange;
  }
  try {
    return dispatch(request, *caller);
  } catch (const Refusal& refusal) {
    return refusal_answer(refusal);
  }
}

Exchange StandIn::State::dispatch(const http::Request& request, const Caller& caller) {
  const auto path = relative_path(request);
  Call call{.world = world, .tasks = tasks, .caller = caller, .now = clock.now()};
  try {
    call.parameters = parameters_of(request);
  } catch (const Refusal& refusal) {
    for (const auto version : all_versions) note(request, "", refusal.message, version);
    return plain(refusal.status, refusal.message, refusal.message);
  }
  const Endpoint* endpoint = ApiTable::committed().find(request.method, path, call.parameters);
  const auto handler = endpoint == nullptr ? nullptr : find_handler(request.method, endpoint->path);
  if (handler == nullptr) {
    const std::string why = "Method '" + request.method + " " + path + "' not implemented";
    for (const auto version : all_versions)
      note(request, "", endpoint == nullptr ? why : "not played by the stand-in", version);
    throw Refusal{501, why, {}};
  }
  ++by_endpoint[request.method + " " + endpoint->path];
  const auto& facts = endpoint->in(world.version);
  call.kind = endpoint->segments.size() > 2 && endpoint->segments[2] == "qemu" ? GuestKind::qemu
                                                                               : GuestKind::lxc;
  check_schemas(request, *endpoint, call.parameters);
  require_permission(facts.permissions, call);
  if (facts.is_proxied && call.text("node") != world.node) {
    const auto node = call.text("node");
    if (node.starts_with(world.node + ".")) return plain(596, "tls_process_server_certificate");
    refuse("hostname lookup '" + node + "' failed - failed to get address info for: " + node +
           ": Temporary failure in name resolution");
  }
  const auto errors = check_parameters(facts, call.parameters);
  if (!errors.empty()) throw Refusal{400, "Parameter verification failed.\n", errors};
  if (call.flag("skiplock")) refuse_parameter("skiplock", "Only root may use this option.");
  json body{{"data", handler(call)}};
  if (call.total) body["total"] = *call.total;
  return json_answer(200, body, "OK");
}

std::optional<Fault> StandIn::State::take_fault(const http::Request& request) {
  for (auto& fault : faults) {
    if (fault.times == 0) continue;
    const bool is_it = fault.call != 0 ? fault.call == calls
                                       : (fault.method.empty() || fault.method == request.method) &&
                                             request.path.find(fault.path) != std::string::npos;
    if (!is_it) continue;
    if (fault.times > 0) --fault.times;
    return fault;
  }
  return {};
}

void StandIn::State::prepare(const Fault& fault) {
  using Kind = Fault::Kind;
  switch (fault.kind) {
    case Kind::task_dies_early: tasks.next_death = Death::early; return;
    case Kind::task_dies_late: tasks.next_death = Death::late; return;
    case Kind::task_fails:
      tasks.next_death = Death::error;
      tasks.error_text = fault.text;
      return;
    case Kind::stranger: {
      const Guest* guest = world.find_guest(fault.vmid);
      world.replace_by_stranger(fault.vmid, guest == nullptr ? GuestKind::lxc : guest->kind);
      return;
    }
    case Kind::locked:
      if (Guest* guest = world.find_guest(fault.vmid))
        guest->config["lock"] = fault.text.empty() ? "backup" : fault.text;
      return;
    default: return;
  }
}

Exchange StandIn::State::stale(const http::Request& request) {
  const auto known = answered.find(http::encode_target(request));
  if (known != answered.end()) return known->second;
  return json_answer(200, {{"data", json::array()}}, "OK");
}

Exchange StandIn::State::with_fault(const Fault& fault, const http::Request& request) {
  using Kind = Fault::Kind;
  prepare(fault);
  switch (fault.kind) {
    case Kind::connection_refused: return plain(595, "Connection refused");
    case Kind::status: return refusal_answer({fault.status, fault.text + "\n", {}});
    case Kind::lost_before: {
      Exchange nothing;
      nothing.is_lost = true;
      return nothing;
    }
    case Kind::timed_out:
      if (fault.has_effect) process(request);
      return plain(596, "Connection timed out");
    case Kind::lost_after: {
      Exchange exchange = process(request);
      exchange.is_lost = true;
      return exchange;
    }
    case Kind::stale: return request.method == "GET" ? stale(request) : process(request);
    default: {
      Exchange exchange = process(request);
      tasks.next_death = Death::none;  // the request forked nothing
      return exchange;
    }
  }
}

StandIn::StandIn(StandInOptions options) : state_{std::make_unique<State>(std::move(options))} {}
StandIn::~StandIn() = default;

Exchange StandIn::exchange(const http::Request& request) {
  auto& state = *state_;
  const auto call = ++state.calls;
  state.clock.advance(state.options.per_request);
  if (before) before(call, request);
  state.tick();
  const auto fault = state.take_fault(request);
  Exchange exchange = fault ? state.with_fault(*fault, request) : state.process(request);
  if (request.method == "GET" && exchange.response.status == 200 && !fault)
    state.answered[http::encode_target(request)] = exchange;
  if (after) after(call, request);
  return exchange;
}

Result<http::Response> StandIn::request(const http::Request& request) {
  Exchange exchange = this->exchange(request);
  if (exchange.is_lost) return Error{Errc::unavailable, "the connection was broken off"};
  return std::move(exchange.response);
}

http::Response StandIn::answer(const http::Request& request) {
  Exchange exchange = this->exchange(request);
  if (exchange.is_lost) return {0, "", "", {}};
  return std::move(exchange.response);
}

const Clock& StandIn::clock() const { return state_->clock; }

void StandIn::advance(Duration by) {
  // Broadcasts see what tasks did on the way.
  while (by > Duration{0}) {
    const auto step = state_->tasks.is_idle() ? by : std::min(by, Duration{1'000});
    state_->clock.advance(step);
    state_->tick();
    by -= step;
  }
}

void StandIn::let_tasks_end() {
  const auto is_busy = [&] {
    const auto& all = state_->tasks.all();
    return std::any_of(all.begin(), all.end(), [](const Task& task) { return task.is_running; });
  };
  for (int second = 0; second < 60 && is_busy(); ++second) advance(Duration{1'000});
}

World& StandIn::world() { return state_->world; }
TaskBook& StandIn::tasks() { return state_->tasks; }

std::string StandIn::add_agent() { return add_agent(agent_role(state_->options.version)); }

std::string StandIn::add_agent(const Privileges& role, const std::string& path) {
  auto& access = state_->world.access;
  const std::string secret = "11111111-2222-4333-8444-555555555555";
  access.add_token({.id = "agent@pve!holdfast", .secret = secret});
  access.grant("agent@pve", path, role);
  access.grant("agent@pve!holdfast", path, role);
  return "PVEAPIToken=agent@pve!holdfast=" + secret;
}

void StandIn::add_fault(Fault fault) { state_->faults.push_back(std::move(fault)); }
void StandIn::clear_faults() { state_->faults.clear(); }

std::uint64_t StandIn::calls() const { return state_->calls; }
const std::map<std::string, std::uint64_t>& StandIn::calls_by_endpoint() const {
  return state_->by_endpoint;
}
const std::vector<Violation>& StandIn::violations() const { return state_->violations; }

std::string to_string(const Violation& violation) {
  return "call " + std::to_string(violation.call) + ", schema " +
         std::string{to_string(violation.version)} + ": " + violation.request +
         (violation.parameter.empty() ? "" : " [" + violation.parameter + "]") + ": " +
         violation.what;
}

}  // namespace holdfast::standin
