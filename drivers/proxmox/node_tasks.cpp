// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "drivers/proxmox/node.hpp"
#include "drivers/proxmox/upid.hpp"

// How a task is waited for, and what its end means.
namespace holdfast::proxmox {
namespace {

constexpr const char* log_lines = "200";  // Proxmox's own default is 50
constexpr std::size_t most_warnings = 10;

bool is_warning(const std::string& line) { return line.find("WARN") != std::string::npos; }

std::string last_error(const Json& log) {
  std::string found;
  for (const Json& line : log) {
    const std::string text = text_of(line, "t");
    if (text.find("ERROR") != std::string::npos) found = one_line(text);
  }
  return found;
}

}  // namespace

void Node::watch(const Uuid& uuid, host::Tasks::Begun begun) {
  auto watchers = watchers_.lock();
  if (begun)
    (*watchers)[uuid] = std::move(begun);
  else
    watchers->erase(uuid);
}

Result<void> Node::begun(const Uuid& uuid, const std::string& task) {
  host::Tasks::Begun watcher;
  {
    auto watchers = watchers_.lock();
    const auto found = watchers->find(uuid);
    if (found != watchers->end()) watcher = found->second;
  }
  return watcher ? watcher(task).context("note task " + task) : ok();
}

std::string Node::warnings_of(const std::string& task) const {
  const auto log = client_.get(path("/tasks/" + task + "/log"), {{"limit", log_lines}});
  if (!log || !log->is_array()) return "its log cannot be read";
  std::string found;
  std::size_t count = 0;
  for (const Json& line : *log) {
    const std::string text = text_of(line, "t");
    if (!is_warning(text) || ++count > most_warnings) continue;
    found += (found.empty() ? "" : "; ") + one_line(text);
  }
  return found;
}

// Why a task failed, by the status it ended with.
Error Node::failure_of(const Upid& upid, const std::string& task, const std::string& exit) const {
  std::string why = one_line(exit);
  Errc kind = kind_of(exit);
  const bool is_in_the_log = exit == "job errors" || exit == "unexpected status";
  if (const std::string said = is_in_the_log ? last_error_of(task) : ""; !said.empty()) {
    why += ": " + said;
    if (exit == "job errors") kind = kind_of(said);
  }
  // A guest that is missing to a task is not what the caller asked about.
  if (kind == Errc::not_found) kind = Errc::conflict;
  return Error{kind, "task " + upid.type + " " + upid.id + " failed: " + why};
}

std::string Node::last_error_of(const std::string& task) const {
  const auto log = client_.get(path("/tasks/" + task + "/log"), {{"limit", log_lines}});
  return log && log->is_array() ? last_error(*log) : std::string{};
}

Result<host::TaskState> Node::look(const std::string& task) const {
  const Upid upid = TRY(parse_upid(task));
  const Json data = TRY(
      client_.get("/nodes/" + upid.node + "/tasks/" + task + "/status").context("look at task"));
  host::TaskState state;
  if (text_of(data, "status") != "stopped") {
    state.is_running = true;
    return state;
  }
  const std::string exit = text_of(data, "exitstatus");
  if (exit == "OK") return state;
  if (exit.starts_with("WARNINGS")) {
    state.warnings = warnings_of(task);
    if (state.warnings.empty()) state.warnings = exit;
    return state;
  }
  state.failure = failure_of(upid, task, exit);
  return state;
}

Result<void> Node::finish(const Uuid& uuid, const Json& answer) {
  if (!answer.is_string()) return ok();
  const std::string task = answer.get<std::string>();
  TRY(parse_upid(task));
  TRY(begun(uuid, task));
  const bool is_watched = watchers_.lock()->count(uuid) > 0;
  const Duration deadline =
      clock_.elapsed() + (is_watched ? options_.watched_deadline : options_.task_deadline);
  for (Duration wait{20};; wait = std::min(options_.task_poll, wait * 2)) {
    const auto state = TRY(look(task));
    if (state.failure) return *state.failure;
    if (!state.is_running) {
      if (!state.warnings.empty())
        options_.log.warn("a task of Proxmox ended with warnings",
                          {{"task", task}, {"warnings", state.warnings}});
      return ok();
    }
    if (clock_.elapsed() >= deadline) return Error{Errc::unavailable, "task " + task + " goes on"};
    options_.pause(wait);
  }
}

}  // namespace holdfast::proxmox
