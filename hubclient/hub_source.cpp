// SPDX-License-Identifier: Apache-2.0
#include "hubclient/hub_source.hpp"

#include <utility>

#include "base/sha256.hpp"

namespace holdfast {

HubSource::HubSource(std::string url, std::string origin,
                     std::function<std::optional<HostDesiredState>()> in_force)
    : url_{std::move(url)}, origin_{std::move(origin)}, in_force_{std::move(in_force)} {}

void HubSource::offer(std::string text) {
  auto digest = digest_of(text);
  auto state = state_.lock();
  if (state->has_offered && state->offered == digest) return;
  state->offered = std::move(digest);
  state->has_offered = true;
  state->offered_as.reset();
  state->pending = std::move(text);
  state->agrees = false;
}

bool HubSource::agree() {
  auto state = state_.lock();
  if (!std::exchange(state->has_offered, false)) return false;
  *state = State{.has_offered = false, .agrees = true};
  return true;
}

bool HubSource::has_refused(const std::optional<Held>& held) const {
  auto state = state_.lock();
  return state->has_offered && !state->pending && state->offered_as != held;
}

bool HubSource::is_pending() const { return state_.lock()->pending.has_value(); }

Result<std::optional<Fetched>> HubSource::fetch() {
  std::optional<std::string> text;
  {
    auto state = state_.lock();
    if (std::exchange(state->agrees, false)) {
      if (auto held = in_force_()) return std::optional{Fetched{std::move(*held), true, origin_}};
      return std::optional<Fetched>{};
    }
    text = std::exchange(state->pending, std::nullopt);
  }
  if (!text) return std::optional<Fetched>{};
  auto desired = TRY(parse_desired_state(*text, url_));
  const Held as{desired.generation, digest_of(resources_to_canonical_json(desired))};
  if (auto state = state_.lock(); !state->pending) state->offered_as = as;
  return std::optional{Fetched{std::move(desired), true, origin_}};
}

}  // namespace holdfast
