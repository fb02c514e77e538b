// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "tests/proxmox/access.hpp"

namespace holdfast::standin {

// A no of the real one, thrown like Perl's die: from a handler it becomes the answer, from a
// task's work the task's exit status.
struct Refusal {
  int status = 500;
  std::string message{};  // as in the body, with its line's end
  ParameterErrors errors{};
};
[[noreturn]] void refuse(const std::string& message);  // 500, with a line's end added

struct Task {
  std::string upid{};
  std::string type{};
  std::string id{};
  Caller owner{};
  int pid = 0;
  std::int64_t pstart = 0;
  Time started{};
  Time ended{};
  bool is_running = true;
  std::string exit{};  // "OK", "WARNINGS: 1", an error's text, "unexpected status"
  std::vector<std::string> log{};
  int warnings = 0;

  void say(std::string line) { log.push_back(std::move(line)); }
  void warn(const std::string& line);
};

// What a worker does. Each may throw Refusal.
struct Work {
  std::function<void(Task&)> begin{};    // at once, or when the node's lock is free
  std::function<void(Task&)> finish{};   // when its time is up
  std::function<void(Task&)> abandon{};  // instead, when it failed or was stopped: clean up
  // Overrides TaskBook::durations.
  std::optional<Duration> takes{};
};

// How the next worker dies.
enum class Death {
  none,
  early,  // before its effect: locks and half-made things stay
  late,   // after it, before its exit status was written
  error,  // with `error_text`, cleaning up
};

// The workers of the node.
class TaskBook {
 public:
  explicit TaskBook(std::string node) : node_{std::move(node)} {}

  // How long a worker of a type takes; "" is for all others.
  std::map<std::string, Duration> durations{
      {"", Duration{1'000}},          {"vzcreate", Duration{3'000}},  {"qmcreate", Duration{2'000}},
      {"vzrestore", Duration{4'000}}, {"qmrestore", Duration{4'000}}, {"vzdump", Duration{5'000}}};
  Death next_death = Death::none;
  std::string error_text{};

  // Starts a worker and returns its UPID.
  std::string fork(const Caller& owner, const std::string& type, const std::string& id, Work work,
                   Time now);
  // Only one of these runs at a time; others wait, unless `lock_wait` is 0.
  std::string fork_alone(const Caller& owner, const std::string& type, const std::string& id,
                         Work work, bool waits, Time now);
  // Lets everything end that is due.
  void settle(Time now);
  void stop(Task& task, Time now);

  Task* find(const std::string& upid);
  bool is_idle() const { return running_.empty(); }
  // All of them, newest last.
  const std::deque<Task>& all() const { return tasks_; }

 private:
  struct Running {
    std::size_t index = 0;  // in tasks_
    Work work{};
    Time begins{};
    Time ends{};
    bool has_begun = false;
    bool is_alone = false;
    Death death = Death::none;
  };
  std::string start(const Caller& owner, const std::string& type, const std::string& id,
                    Running running, Time now);
  static void abandon(const Running& running, Task& task);
  void begin(Running& running);
  void finish(Running& running);
  void end(Task& task, const std::string& exit, Time now);

  std::string node_;
  std::deque<Task> tasks_{};
  std::list<Running> running_{};  // stays where it is while work forks more
  int last_pid_ = 700;
};

}  // namespace holdfast::standin
