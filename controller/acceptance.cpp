// SPDX-License-Identifier: Apache-2.0
#include "controller/acceptance.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/sha256.hpp"
#include "gate/gate.hpp"

namespace holdfast {
namespace {

using nlohmann::json;

const Guest* find_named(const std::vector<Guest>& guests, std::string_view name) {
  const auto at = std::find_if(guests.begin(), guests.end(),
                               [&](const Guest& guest) { return guest.name == name; });
  return at == guests.end() ? nullptr : &*at;
}

// Earlier good forms of what is bad now, so that a bad edit changes nothing.
std::vector<Guest> keep_earlier_forms(const HostDesiredState& incoming, const Wanted* held) {
  std::vector<Guest> kept;
  if (held == nullptr) return kept;
  for (const RejectedResource& rejected : incoming.rejected) {
    if (rejected.kind != "Guest") continue;
    if (const Guest* earlier = held->find_guest(rejected.name)) kept.push_back(*earlier);
  }
  std::sort(kept.begin(), kept.end(),
            [](const Guest& a, const Guest& b) { return a.name < b.name; });
  return kept;
}

std::string joined(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 8;
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < shown; ++i)
    text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > shown) text += " and " + std::to_string(names.size() - shown) + " more";
  return text;
}

Acceptance refusal(Acceptance::Kind kind, std::string reason, std::string message) {
  Acceptance answer;
  answer.kind = kind;
  answer.reason = std::move(reason);
  answer.message = std::move(message);
  return answer;
}

// How far a hub may go ahead at once. Without it one message with the largest generation
// there is would keep every honest hub out for good.
constexpr std::uint64_t longest_jump = 1'000'000;

bool is_same_order(const Fetched& fetched, const Wanted* held) {
  return held != nullptr && held->origin == fetched.origin;
}

// An envelope carries its sender's idea of order; that order is enforced.
std::optional<Acceptance> refuse_by_order(const Fetched& fetched, const std::string& digest,
                                          const Wanted* held, const std::string& host_id) {
  using Kind = Acceptance::Kind;
  const HostDesiredState& incoming = fetched.state;
  if (incoming.host_id != host_id)
    return refusal(Kind::wrong_host, "WrongHost",
                   "the desired state is for host " + incoming.host_id + ", this is " + host_id);
  const std::uint64_t accepted = held == nullptr ? 0 : held->state.generation;
  const bool is_from_hub = !fetched.origin.empty();
  if (is_from_hub && incoming.generation > accepted + longest_jump)
    return refusal(Kind::jumped, "GenerationJump",
                   "generation " + std::to_string(incoming.generation) +
                       " was offered after generation " + std::to_string(accepted) +
                       "; a hub may go ahead by at most " + std::to_string(longest_jump));
  if (!is_same_order(fetched, held)) return std::nullopt;
  if (incoming.generation < accepted)
    return refusal(Kind::rolled_back, "DesiredStateRolledBack",
                   "generation " + std::to_string(incoming.generation) +
                       " was offered after generation " + std::to_string(accepted) +
                       " was accepted; generations only grow");
  if (incoming.generation == accepted && digest != held->digest)
    return refusal(Kind::forked, "DesiredStateForked",
                   "generation " + std::to_string(accepted) +
                       " was offered with other content than the accepted one; publish the change "
                       "under a new generation");
  return std::nullopt;
}

// Guests that exist here and would be no longer wanted.
struct Drop {
  unsigned wanted_before = 0;
  std::vector<std::string> names{};  // sorted
};

Drop drop_of(const std::vector<std::string>& living, const Wanted* held, const Wanted& wanted) {
  Drop drop;
  for (const std::string& name : living) {
    if (held != nullptr && !held->wants_guest(name)) continue;  // dropped earlier, not by this
    ++drop.wanted_before;
    if (!wanted.wants_guest(name)) drop.names.push_back(name);
  }
  std::sort(drop.names.begin(), drop.names.end());
  return drop;
}

}  // namespace

const Guest* Wanted::find_guest(std::string_view name) const {
  if (const Guest* guest = find_named(state.guests, name)) return guest;
  return find_named(kept, name);
}

bool Wanted::wants_guest(std::string_view name) const {
  return find_guest(name) != nullptr || find_rejected("Guest", name) != nullptr;
}

const RejectedResource* Wanted::find_rejected(std::string_view kind, std::string_view name) const {
  const auto at = std::find_if(state.rejected.begin(), state.rejected.end(),
                               [&](const auto& r) { return r.kind == kind && r.name == name; });
  return at == state.rejected.end() ? nullptr : &*at;
}

std::vector<std::string> Wanted::guest_names() const {
  std::vector<std::string> names;
  for (const Guest& guest : state.guests) names.push_back(guest.name);
  for (const RejectedResource& rejected : state.rejected)
    if (rejected.kind == "Guest") names.push_back(rejected.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string to_json(const Wanted& wanted) {
  json kept = json::array();
  for (const Guest& guest : wanted.kept) kept.push_back(to_canonical_json(guest));
  return json{
      {"received", to_canonical_json(wanted.state)}, {"kept", kept}, {"origin", wanted.origin}}
      .dump();
}

Result<Wanted> parse_wanted(std::string_view text) {
  const Error bad{Errc::corrupt, "the accepted desired state in the journal cannot be read"};
  const json tree = json::parse(text, nullptr, false);
  if (!tree.is_object() || !tree.contains("received") || !tree["received"].is_string() ||
      !tree.contains("kept") || !tree["kept"].is_array())
    return bad;
  Wanted wanted;
  wanted.state = TRY(parse_stored_state(tree["received"].get_ref<const std::string&>()));
  for (const json& guest : tree["kept"]) {
    if (!guest.is_string()) return bad;
    wanted.kept.push_back(
        TRY(parse_guest(guest.get_ref<const std::string&>(), "journal: kept guest")));
  }
  wanted.digest = digest_of(resources_to_canonical_json(wanted.state));
  // States that were accepted before there were hubs have none.
  if (const auto origin = tree.find("origin"); origin != tree.end() && origin->is_string())
    wanted.origin = origin->get<std::string>();
  return wanted;
}

Acceptance judge(const Fetched& fetched, const Wanted* held, const std::vector<std::string>& living,
                 const std::string& host_id) {
  const std::string digest = digest_of(resources_to_canonical_json(fetched.state));
  Acceptance answer;
  answer.wanted.state = fetched.state;
  answer.wanted.digest = digest;
  answer.wanted.origin = fetched.origin;
  if (fetched.has_envelope) {
    if (auto refused = refuse_by_order(fetched, digest, held, host_id)) return *refused;
    if (is_same_order(fetched, held) && fetched.state.generation == held->state.generation)
      return answer;
  } else {
    if (is_same_order(fetched, held) && digest == held->digest) return answer;
    answer.wanted.state.host_id = host_id;
    answer.wanted.state.generation = held == nullptr ? 1 : held->state.generation + 1;
  }
  answer.wanted.kept = keep_earlier_forms(answer.wanted.state, held);

  Drop drop = drop_of(living, held, answer.wanted);
  const auto mass =
      gate::judge_mass_change(drop.wanted_before, static_cast<unsigned>(drop.names.size()));
  answer.dropped = std::move(drop.names);
  if (mass.held) {
    answer.kind = Acceptance::Kind::held;
    answer.reason = "MassChangeHeld";
    answer.message = mass.sentence + ". It would drop " + joined(answer.dropped) +
                     "; the state accepted before stays in force.";
    return answer;
  }
  answer.kind = Acceptance::Kind::accept;
  return answer;
}

}  // namespace holdfast
