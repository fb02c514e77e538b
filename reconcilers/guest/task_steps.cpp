// SPDX-License-Identifier: Apache-2.0
#include "reconcilers/guest/task_steps.hpp"

#include <utility>

#include "journal/writes.hpp"

namespace holdfast {
namespace {

constexpr Duration look_again{1'000};

// Journals the tasks of one call, for as long as it lasts.
class Watch {
 public:
  Watch(const GuestWorld& world, OperationId op, const Uuid& uuid, const std::string& step)
      : tasks_{*world.host.tasks}, uuid_{uuid} {
    tasks_.watch(uuid, [this, &world, op, step](const std::string& task) {
      last_ = task;
      return world.journal.commit([&](Writes& writes) { return writes.task(op, step, task); });
    });
  }
  ~Watch() { tasks_.watch(uuid_, {}); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  bool is_under_way() const {
    if (last_.empty()) return false;
    const auto state = tasks_.look(last_);
    return state && state->is_running;
  }
  const std::string& last() const { return last_; }

 private:
  host::Tasks& tasks_;
  Uuid uuid_;
  std::string last_{};
};

// What Runner does with not_found: it asks the step's probe.
Error look_at_the_world() { return {Errc::not_found, "the task has ended"}; }

Result<Effect> poll_task(const GuestWorld& world, const StepRecord& record) {
  const auto state = TRY(world.host.tasks->look(record.task));
  if (state.is_running) return Effect::running(record.task, look_again);
  if (!state.warnings.empty())
    world.log.warn("a task ended with warnings",
                   {{"step", record.name}, {"task", record.task}, {"warnings", state.warnings}});
  if (!state.failure) return look_at_the_world();
  // Its worker was killed, a lock was somebody else's, a storage was away: what it left is
  // looked at after a pause, like any other failure.
  return Effect::lost(*state.failure);
}

}  // namespace

void follow_tasks(const GuestWorld& world, const Operation& op, const Uuid& uuid,
                  std::vector<Step>& steps) {
  for (Step& step : steps) {
    const std::string name = step.name;
    step.apply = [&world, id = op.id, uuid, name,
                  apply = std::move(step.apply)]() -> Result<Effect> {
      const Watch watch{world, id, uuid, name};
      auto effect = apply();
      if (effect || watch.last().empty()) return effect;
      if (effect.error().code() == Errc::unavailable && watch.is_under_way())
        return Effect::running(watch.last(), look_again);
      return Effect::lost(std::move(effect).error());  // said here, not again by polling it
    };
    if (step.undo)
      step.undo = [&world, id = op.id, uuid, name, undo = std::move(step.undo)] {
        const Watch watch{world, id, uuid, name};
        return undo();
      };
    if (!step.poll)
      step.poll = [&world](const StepRecord& record) { return poll_task(world, record); };
  }
}

}  // namespace holdfast
