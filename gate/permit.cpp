// SPDX-License-Identifier: Apache-2.0
#include "gate/permit.hpp"

#include <algorithm>
#include <string>

namespace holdfast::gate {
namespace {

Error denied(const Permit& permit, const std::string& why) {
  return Error{Errc::denied, "the permit to " + std::string{to_string(permit.verb())} + " " +
                                 to_string(permit.uuid()) + " " + why};
}

}  // namespace

std::string_view to_string(Verb verb) {
  switch (verb) {
    case Verb::destroy_guest: return "destroy_guest";
    case Verb::free_tombstone: return "free_tombstone";
    case Verb::remove_unfinished: return "remove_unfinished";
    case Verb::remove_scratch: return "remove_scratch";
    case Verb::shrink_disk: return "shrink_disk";
    case Verb::remove_volume: return "remove_volume";
    case Verb::move_disk: return "move_disk";
    case Verb::replace_image: return "replace_image";
    case Verb::restore_over: return "restore_over";
    case Verb::roll_back_snapshot: return "roll_back_snapshot";
    case Verb::remove_snapshot: return "remove_snapshot";
    case Verb::allow_mass_change: return "allow_mass_change";
    case Verb::undelete_guest: return "undelete_guest";
    case Verb::adopt_guest: return "adopt_guest";
    case Verb::free_set_aside: return "free_set_aside";
  }
  return "unknown";
}

std::optional<Verb> parse_verb(std::string_view text) {
  for (const Verb verb : all_verbs)
    if (to_string(verb) == text) return verb;
  return std::nullopt;
}

Result<void> Permit::covers(const Uuid& uuid) const {
  if (!live_) return Error{Errc::denied, "the permit was used before; each is used once"};
  if (uuid_ != uuid) return denied(*this, "does not speak of " + to_string(uuid));
  return ok();
}

Result<void> Permit::covers(const Uuid& uuid, Incarnation incarnation) const {
  TRY(covers(uuid));
  if (incarnation_ != incarnation)
    return denied(*this, "speaks of incarnation " + std::to_string(incarnation_.value) + ", not " +
                             std::to_string(incarnation.value));
  return ok();
}

Result<void> Permit::covers(std::initializer_list<Verb> verbs, const Uuid& uuid) const {
  TRY(covers(uuid));
  if (std::find(verbs.begin(), verbs.end(), verb_) == verbs.end())
    return denied(*this, "does not allow this");
  return ok();
}

}  // namespace holdfast::gate
