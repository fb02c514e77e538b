// SPDX-License-Identifier: Apache-2.0
#include "hub/gatekeeper.hpp"

#include "hub/answers.hpp"
#include "hub/secrets.hpp"

namespace holdfast::hub {
namespace {

constexpr std::string_view hosts_prefix = "/v1/hosts/";
constexpr std::uint64_t large_body = 8 * 1024 * 1024;

}  // namespace

HostPath host_path(std::string_view path) {
  if (!path.starts_with(hosts_prefix)) return {};
  path.remove_prefix(hosts_prefix.size());
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return {};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

Gatekeeper::Gatekeeper(const Services& services)
    : to_{services},
      hosts_{static_cast<double>(services.config.requests_per_second),
             static_cast<double>(services.config.requests_per_second) * 5},
      operators_{50, 500},
      failures_{1, 30},
      enrolments_{1, 30} {}

std::optional<http::Response> Gatekeeper::check_host(const http::Request& request,
                                                     const std::string& host) {
  const auto hash = hash_of(bearer_of(request));
  bool is_own = false;
  bool is_anothers = false;
  {
    auto known = to_.hosts.lock();
    const auto found = known->by_id.find(host);
    is_own = found != known->by_id.end() && is_same(found->second.record.key_hash, hash);
    is_anothers = !is_own && known->by_key.contains(hash);
  }
  if (is_anothers)
    return refusal(403, "denied", "this key is another host's: nothing of this one is shown");
  if (!is_own) return refuse_unknown(request);
  if (!hosts_.allows(host, to_.clock.elapsed())) return refuse_often();
  return {};
}

Result<Operator> Gatekeeper::find_operator(const http::Request& request, http::Response& refusal) {
  const auto bearer = bearer_of(request);
  std::optional<Operator> found;
  if (!bearer.empty()) {
    const auto hash = hash_of(bearer);
    auto looked = to_.store.get([&](const Tables& tables) { return tables.keys.find(hash); });
    if (!looked) {
      refusal = answer(looked.error());
      return looked.error();
    }
    found = std::move(*looked);
  }
  if (!found) {
    refusal = refuse_unknown(request);
    return Error{Errc::denied, "no operator"};
  }
  if (operators_.allows(found->name, to_.clock.elapsed())) return std::move(*found);
  refusal = refuse_often();
  return Error{Errc::unavailable, "too often"};
}

std::optional<http::Response> Gatekeeper::check_enrolment(const http::Request& request) {
  if (enrolments_.allows(request.remote, to_.clock.elapsed())) return {};
  return refuse_often();
}

std::uint64_t Gatekeeper::body_limit(const http::Request& head) const {
  const auto bearer = bearer_of(head);
  if (bearer.empty()) return 0;
  const bool is_sync = head.path.ends_with("/sync");
  const bool is_edit = head.path.ends_with("/desired") || head.path.ends_with("/jobs");
  auto known = to_.hosts.lock();
  return (known->by_key.contains(hash_of(bearer)) ? is_sync : is_edit) ? large_body : 0;
}

http::Response Gatekeeper::refuse_unknown(const http::Request& request) {
  ++to_.metrics.unauthorized;
  if (!failures_.allows(request.remote, to_.clock.elapsed())) return refuse_often();
  to_.log.warn("refused without a good key",
               {{"address", request.remote}, {"path", request.path.substr(0, 100)}});
  return unauthorized("send the key that this hub gave you as Authorization: Bearer KEY");
}

http::Response Gatekeeper::refuse_often() {
  ++to_.metrics.rate_limited;
  return too_many_requests();
}

}  // namespace holdfast::hub
