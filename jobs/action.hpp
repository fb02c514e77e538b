// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "gate/permit.hpp"
#include "schema/job.hpp"
#include "signing/refusal.hpp"

// Pure: what a job's action means here.
namespace holdfast::jobs {

// What an action speaks of.
enum class About {
  guest,      // one that lives
  tombstone,  // one that was destroyed and is kept
  stranger,   // one that is not ours yet
  copy,       // one that is to be made from what one was; that one need not be any more
  host,       // no guest
};

struct Meaning {
  About about = About::guest;
  std::optional<gate::Verb> verb{};  // what the gate will be asked for; none: nothing
};

// The row of the closed table for this action and its params.verb. Refused: an action that this
// version does not carry out, a verb that is not the action's, an object or a number that is
// missing or wrong.
signing::Judged<Meaning> meaning_of(const Job& job);

// What `params` bind, as the gate compares it.
std::string object_of(const Job& job);
unsigned extra_budget_of(const Job& job);  // 0 when it is not given

}  // namespace holdfast::jobs
