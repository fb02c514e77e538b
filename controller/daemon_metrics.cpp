// SPDX-License-Identifier: Apache-2.0
#include "controller/daemon_metrics.hpp"

#include <cstdio>
#include <map>
#include <optional>
#include <string_view>

namespace holdfast {
namespace {

constexpr std::size_t looked_at_jobs = 1000;

// Text exposition format 0.0.4 of Prometheus, one family after the other.
class Exposition {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += "# HELP " + name_ + " " + std::string{help} + "\n# TYPE " + name_ + " " +
             std::string{type} + "\n";
  }
  void whole(std::uint64_t value, std::string_view labels = {}, std::string_view suffix = {}) {
    sample(std::to_string(value), labels, suffix);
  }
  void seconds(Duration value, std::string_view labels = {}, std::string_view suffix = {}) {
    sample(in_seconds(value), labels, suffix);
  }
  static std::string in_seconds(Duration value) {
    char text[32] = {};
    std::snprintf(text, sizeof text, "%.3f", static_cast<double>(value.count()) / 1000);
    return text;
  }
  // name="value", with what the format wants escaped.
  static std::string label(std::string_view name, std::string_view value) {
    std::string text = std::string{name} + "=\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') text += '\\';
      text += c == '\n' ? ' ' : c;
    }
    return text + "\"";
  }
  std::string take() { return std::move(text_); }

 private:
  void sample(const std::string& value, std::string_view labels, std::string_view suffix) {
    text_ += name_ + std::string{suffix};
    if (!labels.empty()) text_ += "{" + std::string{labels} + "}";
    text_ += " " + value + "\n";
  }
  std::string text_{};
  std::string name_{};
};

void add_histogram(Exposition& to, std::string_view name, std::string_view help,
                   const DurationHistogram& histogram) {
  to.family(name, "histogram", help);
  for (std::size_t i = 0; i < DurationHistogram::bounds.size(); ++i)
    to.whole(histogram.at_most(i),
             Exposition::label("le", Exposition::in_seconds(DurationHistogram::bounds[i])),
             "_bucket");
  to.whole(histogram.count(), Exposition::label("le", "+Inf"), "_bucket");
  to.seconds(histogram.sum(), {}, "_sum");
  to.whole(histogram.count(), {}, "_count");
}

void add_passes(Exposition& to, Engine& engine) {
  const PassMetrics& passes = engine.metrics();
  add_histogram(to, "holdfast_host_pass_seconds", "Passes over the whole host.",
                passes.host_passes);
  add_histogram(to, "holdfast_guest_pass_seconds", "Passes of single guests.", passes.guest_passes);
  to.family("holdfast_pass_failures_total", "counter", "Passes that ended with an error.");
  to.whole(passes.host_failures, Exposition::label("of", "host"));
  to.whole(passes.guest_failures, Exposition::label("of", "guest"));
  to.family("holdfast_last_pass_age_seconds", "gauge", "Since the last finished host pass.");
  to.seconds(engine.since_last_pass());
  to.family("holdfast_queue_depth", "gauge", "Guests that wait for a pass or for its time.");
  to.whole(engine.queue_depth());
}

Result<void> add_journal(Exposition& to, Engine& engine) {
  const Journal& journal = engine.journal();
  std::map<std::string, std::uint64_t> by_state;
  for (const Operation& operation : TRY(journal.unfinished()))
    ++by_state[std::string{to_string(operation.state)}];
  to.family("holdfast_open_operations", "gauge", "Operations that have not ended, by state.");
  for (const auto state :
       {OperationState::open, OperationState::rolling_back, OperationState::stuck})
    by_state.try_emplace(std::string{to_string(state)}, 0);
  for (const auto& [state, count] : by_state) to.whole(count, Exposition::label("state", state));

  std::map<std::string, std::uint64_t> by_rule;
  for (const TicketRecord& ticket : TRY(journal.open_tickets())) ++by_rule[ticket.rule];
  to.family("holdfast_open_tickets", "gauge", "Refused steps that wait for a signature, by rule.");
  for (const auto& [rule, count] : by_rule) to.whole(count, Exposition::label("rule", rule));

  std::map<std::pair<std::string, std::string>, std::uint64_t> by_code;
  for (const JobRecord& job : TRY(journal.jobs(looked_at_jobs)))
    ++by_code[{std::string{to_string(job.state)}, job.code}];
  to.family("holdfast_jobs", "gauge", "The newest 1000 signed jobs, by state and refusal code.");
  for (const auto& [key, count] : by_code)
    to.whole(count,
             Exposition::label("state", key.first) + "," + Exposition::label("code", key.second));
  to.family("holdfast_journal_age_seconds", "gauge", "Since the last durable write.");
  to.seconds(journal.since_last_commit());
  to.family("holdfast_condition", "gauge", "Conditions of the host: 1 when it holds.");
  for (const ConditionRecord& condition : TRY(journal.conditions("host")))
    to.whole(condition.status == ConditionStatus::yes ? 1 : 0,
             Exposition::label("type", condition.type) + "," +
                 Exposition::label("reason", condition.reason));
  return ok();
}

void add_hub(Exposition& to, const HubWatch& hub, const Clock& clock) {
  if (!hub.report()) return;
  const HubStanding standing = hub.standing();
  to.family("holdfast_hub_syncs_total", "counter", "Syncs with the hub, by how they ended.");
  to.whole(standing.syncs, Exposition::label("result", "answered"));
  to.whole(standing.sync_failures, Exposition::label("result", "failed"));
  to.family("holdfast_hub_heartbeats_total", "counter", "Heartbeats, by how they ended.");
  to.whole(standing.beats, Exposition::label("result", "taken"));
  to.whole(standing.beat_failures, Exposition::label("result", "failed"));
  const auto age = [&](const char* name, const char* help, const std::optional<Time>& last) {
    if (!last) return;
    to.family(name, "gauge", help);
    to.seconds(clock.now() - *last);
  };
  age("holdfast_hub_last_sync_age_seconds", "Since the hub answered a sync.", standing.last_sync);
  age("holdfast_hub_last_heartbeat_age_seconds", "Since the hub took a heartbeat.",
      standing.last_beat);
  if (!standing.skew) return;
  to.family("holdfast_hub_clock_skew_seconds", "gauge", "The hub's clock minus ours.");
  to.seconds(*standing.skew);
}

}  // namespace

Result<std::string> DaemonMetrics::exposition() {
  Exposition to;
  to.family("holdfast_info", "gauge", "What runs here.");
  to.whole(1, Exposition::label("version", version_) + "," +
                  Exposition::label("host", engine_.parts().host_id));
  const auto wanted = engine_.accepted().wanted();
  to.family("holdfast_generation", "gauge", "Of the desired state in force; 0: none.");
  to.whole(wanted ? wanted->state.generation : 0);
  to.family("holdfast_guests", "gauge", "Guests known on this host.");
  to.whole(TRY(engine_.guests().known_guests()).size());
  to.family("holdfast_observe_only", "gauge", "1 while nothing is changed until a recovery.");
  to.whole(engine_.is_observe_only() ? 1 : 0);
  add_passes(to, engine_);
  TRY(add_journal(to, engine_));
  add_hub(to, hub_, engine_.parts().clock);
  return to.take();
}

}  // namespace holdfast
