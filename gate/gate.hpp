// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "gate/allowance.hpp"
#include "gate/facts.hpp"
#include "gate/permit.hpp"
#include "journal/journal.hpp"

namespace holdfast::gate {

// Why a step may, or may not, happen. `code` is stable: it is journaled, shown and
// matched by programs (gate/codes.hpp: "OwnRollback", "NeedsSignature", ...).
struct Decision {
  bool allowed = false;
  std::string_view code{};
  std::string sentence{};  // for people: the rule, and what would change the answer
  // Refused, and a signature could allow exactly this step: a ticket is worth writing.
  bool signature_helps = false;
};

// The table of the design (docs/design/gate.md), whole. Pure.
Decision decide(const Facts& facts);

// The action a job must carry to allow `verb`; empty when no signature can. Some verbs
// share one, so a ticket's params name the verb too (docs/design/gate.md).
std::string_view job_action(Verb verb);

struct Refusal {
  Decision decision{};
  std::string ticket{};  // id; empty when no signature could allow the step
  std::string key{};     // what was refused: verb, guest and object
};

// What a refused step would do, in sentences with names, paths and sizes, for the signer.
struct TicketDetail {
  std::string host_id{};
  std::string guest_name{};
  std::vector<std::string> effects{};
  // Further params of the job, such as sizes before and after. `verb`, `object` and
  // `extraBudget` are the gate's own and cannot be set here.
  std::map<std::string, std::string> params{};
};

// What of a step is refused or signed for: the same key is the same refusal.
std::string refusal_key(const Facts& facts);

// Asks `decide`, remembers the answer, and is the only maker of Permits. Every permit
// is in the audit chain before it exists; a refusal is audited once for as long as it
// stays the same, unless new ones come faster than one a minute after a burst of 1,000, and
// carries a ticket. Thread-safe.
class Gate {
 public:
  Gate(Journal& journal, const Clock& clock, Random& random)
      : journal_{journal}, clock_{clock}, random_{random} {}

  // For plans and for the check before an operation's first side effect: no permit,
  // nothing written.
  Decision preview(const Facts& facts) const;

  // Right before the effect, with the identity re-read from the provider. The time is
  // read here, so that what expired while the facts were gathered is refused. A permit
  // closes the ticket of the same step. Errc::invalid when no operation is named.
  Result<std::variant<Permit, Refusal>> ask(const Facts& asked, const TicketDetail& detail);

  // Makes (or finds) the ticket of a refused step and audits the refusal once. Writes
  // nothing while nothing changed. Errc::invalid when `decision` allows the step, or when
  // `detail` makes no valid job.
  Result<Refusal> refuse(const Facts& facts, const Decision& decision, const TicketDetail& detail);

  // After a plan of `subject`: closes the tickets of what is no longer refused, so that
  // the same refusal, should it come back, is news again. Writes only when one closes.
  Result<void> settle(std::string_view subject, const std::vector<std::string>& refused_keys);

 private:
  Result<void> write_down(const Refusal& refusal, const Facts& facts,
                          const std::vector<TicketRecord>& stale,
                          const std::optional<TicketRecord>& fresh);

  Journal& journal_;
  const Clock& clock_;
  Random& random_;
  std::mutex mutex_{};  // between finding a ticket and writing it
  // Each refusal costs whoever wishes for it nothing, and its entry stays for ever.
  Allowance audited_refusals_{1'000, std::chrono::minutes{1}};
  std::uint64_t left_out_ = 0;  // since the last audited one
};

// How many guests may be destroyed a day without the signature saying otherwise:
// one, or a quarter of them, whichever is more.
unsigned daily_budget(unsigned guests);

// A new generation that drops more than half of the guests is held as a whole.
struct MassChange {
  bool held = false;
  std::string sentence{};
};
MassChange judge_mass_change(unsigned guests_before, unsigned guests_dropped);

}  // namespace holdfast::gate
