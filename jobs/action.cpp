// SPDX-License-Identifier: Apache-2.0
#include "jobs/action.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>

#include "gate/gate.hpp"
#include "jobs/codes.hpp"
#include "schema/guest.hpp"

namespace holdfast::jobs {
namespace {

using gate::Verb;
using signing::Judged;
using signing::Refusal;

struct Row {
  std::string_view action{};
  About about = About::guest;
  std::optional<Verb> verb{};  // unless params.verb names another one of the action
};

// What this version carries out. The actions of a job are more: schema/job.hpp.
constexpr std::array rows{
    Row{"guest.destroy", About::guest, Verb::destroy_guest},
    Row{"guest.undelete", About::tombstone, Verb::undelete_guest},
    Row{"guest.reimage", About::guest, Verb::replace_image},
    Row{"guest.shrink", About::guest, Verb::shrink_disk},
    Row{"guest.adopt", About::stranger, Verb::adopt_guest},
    Row{"guest.rollback", About::guest, Verb::roll_back_snapshot},
    Row{"guest.backup", About::guest, std::nullopt},
    Row{"guest.restore", About::copy, std::nullopt},
    Row{"guest.restore-over", About::guest, Verb::restore_over},
    Row{"mass-change.allow", About::host, Verb::allow_mass_change},
    Row{"keys.rotate", About::host, std::nullopt},
};

constexpr unsigned most_extra_budget = 10'000;

std::string param(const Job& job, const std::string& name) {
  const auto found = job.params.find(name);
  return found == job.params.end() ? std::string{} : found->second;
}

std::optional<unsigned> parse_budget(const std::string& text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > most_extra_budget)
    return std::nullopt;
  return value;
}

bool needs_object(Verb verb) {
  return verb != Verb::destroy_guest && verb != Verb::free_tombstone &&
         verb != Verb::undelete_guest;
}

Refusal bad_params(std::string why) { return {code::bad_params, std::move(why)}; }

bool is_flag(const std::string& text) { return text.empty() || text == "true" || text == "false"; }

// What the gate is not asked about has nobody else to look at its parameters. One that is
// misspelt would not be heeded, and restore what should be cut off.
signing::Objection object_to_others(const Job& job, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : job.params)
    if (std::find(known.begin(), known.end(), name) == known.end())
      return bad_params("params." + name.substr(0, 40) + " is none of " + job.action + "'s");
  return std::nullopt;
}

signing::Objection object_to_backup(const Job& job) {
  if (auto objection = object_to_others(job, {"note", "protect"})) return objection;
  if (!is_flag(param(job, "protect")))
    return bad_params("params.protect is neither true nor false");
  return std::nullopt;
}

signing::Objection object_to_restore(const Job& job) {
  if (auto objection = object_to_others(job, {"object", "name", "isolated"})) return objection;
  if (object_of(job).empty())
    return bad_params("params.object is missing: it says which backup is meant");
  if (!is_guest_name(param(job, "name")))
    return bad_params("params.name is no name for a guest: it says what the new one is called");
  if (!is_flag(param(job, "isolated")))
    return bad_params("params.isolated is neither true nor false");
  return std::nullopt;
}

// What an action's own parameters must say.
signing::Objection object_to_params(const Job& job) {
  if (job.action == "guest.backup") return object_to_backup(job);
  if (job.action == "guest.restore") return object_to_restore(job);
  // Whose turn it takes goes by the guest's name: both must be the one that was signed for.
  if (job.action == "guest.adopt" && job.guest && object_of(job) != job.guest->name)
    return bad_params("params.object is another name than the guest's");
  if (job.params.contains("extraBudget") && !parse_budget(param(job, "extraBudget")))
    return bad_params("params.extraBudget is no number from 0 to " +
                      std::to_string(most_extra_budget));
  return std::nullopt;
}

}  // namespace

std::string object_of(const Job& job) { return param(job, "object"); }

unsigned extra_budget_of(const Job& job) {
  return parse_budget(param(job, "extraBudget")).value_or(0);
}

Judged<Meaning> meaning_of(const Job& job) {
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [&](const Row& known) { return known.action == job.action; });
  if (row == rows.end())
    return Refusal{code::unsupported_action,
                   "this version of holdfastd does not carry out " + job.action};
  Meaning meaning{row->about, row->verb};
  if (const std::string name = param(job, "verb"); !name.empty()) {
    const auto verb = gate::parse_verb(name);
    if (!verb || gate::job_action(*verb) != job.action)
      return bad_params("params.verb says " + name.substr(0, 40) + ", which is none of " +
                        job.action + "'s");
    meaning.verb = verb;
  }
  if (meaning.verb == Verb::free_tombstone) meaning.about = About::tombstone;
  if (meaning.verb && needs_object(*meaning.verb) && object_of(job).empty())
    return bad_params(
        "params.object is missing: it says which disk, image, snapshot, backup or "
        "desired state is meant");
  if (auto objection = object_to_params(job)) return *objection;
  return meaning;
}

}  // namespace holdfast::jobs
