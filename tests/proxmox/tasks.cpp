// SPDX-License-Identifier: Apache-2.0
#include "tests/proxmox/tasks.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace holdfast::standin {
namespace {

std::int64_t seconds_of(Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

std::string hex8(std::int64_t number) {
  std::array<char, 20> text{};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the format is ours
  std::snprintf(text.data(), text.size(), "%08lX", static_cast<unsigned long>(number));
  return text.data();
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

void refuse(const std::string& message) { throw Refusal{500, message + "\n", {}}; }

void Task::warn(const std::string& line) {
  ++warnings;
  say("WARN: " + line);
}

std::string TaskBook::fork(const Caller& owner, const std::string& type, const std::string& id,
                           Work work, Time now) {
  Running running{.work = std::move(work), .begins = now};
  return start(owner, type, id, std::move(running), now);
}

std::string TaskBook::fork_alone(const Caller& owner, const std::string& type,
                                 const std::string& id, Work work, bool waits, Time now) {
  Running running{.work = std::move(work), .begins = now, .is_alone = true};
  for (const auto& other : running_)
    if (other.is_alone) running.begins = std::max(running.begins, other.ends);
  const bool is_busy = running.begins > now;
  if (!is_busy || waits) return start(owner, type, id, std::move(running), now);
  running.work = {};
  running.begins = now;
  running.death = Death::early;
  running.work.takes = Duration{0};
  running.is_alone = false;
  const auto upid = start(owner, type, id, std::move(running), now);
  find(upid)->say("ERROR: can't acquire lock '/var/run/vzdump.lock' - got timeout");
  settle(now);
  return upid;
}

std::string TaskBook::start(const Caller& owner, const std::string& type, const std::string& id,
                            Running running, Time now) {
  Task task{.type = type, .id = id, .owner = owner, .pid = ++last_pid_, .started = now};
  task.pstart = 280'000 + now.time_since_epoch().count() / 10 % 100'000'000;
  task.upid = "UPID:" + node_ + ":" + hex8(task.pid) + ":" + hex8(task.pstart) + ":" +
              hex8(seconds_of(now)) + ":" + type + ":" + id + ":" + owner.id() + ":";
  const auto usual = durations.find(type);
  const auto takes =
      running.work.takes.value_or(usual == durations.end() ? durations.at("") : usual->second);
  running.ends = running.begins + takes;
  if (running.death == Death::none) running.death = std::exchange(next_death, Death::none);
  running.index = tasks_.size();
  tasks_.push_back(std::move(task));
  if (running.begins > now) tasks_.back().say("INFO: trying to get global lock - waiting...");
  running_.push_back(std::move(running));
  const std::string upid = tasks_.back().upid;
  settle(now);
  return upid;
}

// Cleans up as far as there is something left: its guest may be gone.
void TaskBook::abandon(const Running& running, Task& task) {
  if (!running.work.abandon) return;
  try {
    running.work.abandon(task);
  } catch (const Refusal& refusal) {
    task.say(first_line(refusal.message));
  }
}

void TaskBook::begin(Running& running) {
  running.has_begun = true;
  Task& task = tasks_[running.index];
  if (!running.work.begin) return;
  try {
    running.work.begin(task);
  } catch (const Refusal& refusal) {
    end(task, first_line(refusal.message), running.begins);
  }
}

void TaskBook::finish(Running& running) {
  Task& task = tasks_[running.index];
  if (!task.is_running) return;  // failed as it began
  try {
    if (running.death == Death::error) throw Refusal{500, error_text + "\n", {}};
    if (running.death != Death::early && running.work.finish) running.work.finish(task);
    if (running.death != Death::none)
      end(task, "unexpected status", running.ends);
    else
      end(task, task.warnings > 0 ? "WARNINGS: " + std::to_string(task.warnings) : "OK",
          running.ends);
  } catch (const Refusal& refusal) {
    abandon(running, task);
    end(task, first_line(refusal.message), running.ends);
  }
}

void TaskBook::end(Task& task, const std::string& exit, Time now) {
  task.is_running = false;
  task.exit = exit;
  task.ended = now;
  if (exit == "unexpected status") return;  // nobody was left to write a line
  const bool is_good = exit == "OK" || exit.starts_with("WARNINGS: ");
  task.say(is_good ? "TASK " + exit : "TASK ERROR: " + exit);
}

void TaskBook::settle(Time now) {
  while (true) {
    // The earliest thing that is due, a beginning before an end.
    const auto due = [](const Running& one) { return one.has_begun ? one.ends : one.begins; };
    const auto next =
        std::min_element(running_.begin(), running_.end(), [&](const auto& a, const auto& b) {
          return std::pair{due(a), a.has_begun} < std::pair{due(b), b.has_begun};
        });
    if (next == running_.end() || due(*next) > now) return;
    if (!next->has_begun) {
      begin(*next);
      continue;
    }
    Running running = std::move(*next);
    running_.erase(next);
    finish(running);
  }
}

void TaskBook::stop(Task& task, Time now) {
  const auto found = std::find_if(running_.begin(), running_.end(), [&](const Running& running) {
    return &tasks_[running.index] == &task;
  });
  if (found == running_.end()) return;
  const Running running = std::move(*found);
  running_.erase(found);
  if (!task.is_running) return;
  if (running.has_begun) abandon(running, task);
  end(task, task.type == "vzdump" ? "job errors" : "received interrupt", now);
}

Task* TaskBook::find(const std::string& upid) {
  for (auto& task : tasks_)
    if (task.upid == upid) return &task;
  return nullptr;
}

}  // namespace holdfast::standin
