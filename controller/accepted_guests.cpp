// SPDX-License-Identifier: Apache-2.0
#include "controller/accepted_guests.hpp"

#include "reconcilers/guest/guest_shape.hpp"

namespace holdfast {

std::shared_ptr<const DesiredGuest> AcceptedGuests::entry(const Wanted& wanted,
                                                          const std::string& name) {
  auto entry = std::make_shared<DesiredGuest>();
  entry->generation = wanted.state.generation;
  entry->is_wanted = wanted.wants_guest(name);
  if (const Guest* guest = wanted.find_guest(name)) {
    entry->guest = *guest;
    entry->spec_digest = applied_digest(*guest);
  }
  if (const RejectedResource* rejected = wanted.find_rejected("Guest", name))
    entry->rejection = rejected->error.message();
  return entry;
}

std::shared_ptr<const DesiredGuest> AcceptedGuests::find(const std::string& name) const {
  auto state = state_.lock();
  if (!state->wanted) return nullptr;
  const auto known = state->guests.find(name);
  return known == state->guests.end() ? state->unwanted : known->second;
}

std::vector<std::string> AcceptedGuests::names() const {
  auto state = state_.lock();
  return state->wanted ? state->wanted->guest_names() : std::vector<std::string>{};
}

std::shared_ptr<const Wanted> AcceptedGuests::wanted() const { return state_.lock()->wanted; }

void AcceptedGuests::replace(std::shared_ptr<const Wanted> wanted) {
  std::map<std::string, std::shared_ptr<const DesiredGuest>> guests;
  for (const std::string& name : wanted->guest_names()) guests[name] = entry(*wanted, name);
  auto unwanted = std::make_shared<DesiredGuest>();
  unwanted->is_wanted = false;
  unwanted->generation = wanted->state.generation;

  auto state = state_.lock();
  state->wanted = std::move(wanted);
  state->guests = std::move(guests);
  state->unwanted = std::move(unwanted);
}

void AcceptedGuests::hold(const std::vector<std::string>& dropped, const std::string& message) {
  auto state = state_.lock();
  if (!state->wanted) return;
  for (auto& [name, guest] : state->guests) {
    if (guest->held.empty()) continue;
    auto released = std::make_shared<DesiredGuest>(*guest);
    released->held.clear();
    guest = std::move(released);
  }
  for (const std::string& name : dropped) {
    const auto known = state->guests.find(name);
    if (known == state->guests.end()) continue;
    auto held = std::make_shared<DesiredGuest>(*known->second);
    held->held = message;
    known->second = std::move(held);
  }
}

}  // namespace holdfast
