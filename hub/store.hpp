// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/result.hpp"
#include "hub/records.hpp"
#include "hub/tables.hpp"

namespace holdfast::hub {

// Where the hub's state is. Thread-safe.
class Store {
 public:
  using Body = std::function<Result<void>(const Tables& tables)>;
  using Done = std::function<void(const Result<void>& committed)>;
  virtual ~Store() = default;

  // Everything `body` writes becomes durable together, or nothing of it. Runs it on the
  // writer's thread, where it must not block; then calls `done` there, when it is on disk.
  // Many bodies share one sync; each fails alone. Errc::exhausted or unavailable: the disk.
  virtual void write(Body body, Done done) = 0;
  // The same for one heartbeat, which are many: of one host's the last that was written counts.
  virtual void write(const Beat& beat, Done done) = 0;
  // Sees what is committed. Runs `body` on the caller's thread, one at a time.
  virtual Result<void> read(const Body& body) = 0;

  // write(), and waits for it. Not from the writer's thread.
  Result<void> commit(Body body);

  // read(), with a result: store.get([&](const Tables& to) { return to.hosts.all(); })
  template <class Reading>
  auto get(Reading&& reading) -> std::invoke_result_t<Reading, const Tables&> {
    std::optional<std::invoke_result_t<Reading, const Tables&>> result;
    const auto was_read = read([&](const Tables& tables) {
      result.emplace(reading(tables));
      return ok();
    });
    if (!was_read) return was_read.error();
    return std::move(*result);
  }
};

}  // namespace holdfast::hub
