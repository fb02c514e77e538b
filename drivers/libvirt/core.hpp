// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/result.hpp"
#include "drivers/libvirt/bounded_calls.hpp"
#include "drivers/libvirt/late_calls.hpp"
#include "drivers/libvirt/libvirt_host.hpp"
#include "drivers/libvirt/observed_cache.hpp"
#include "drivers/libvirt/session.hpp"
#include "drivers/libvirt/silent_guests.hpp"

namespace holdfast::libvirt {

// What all ports of one LibvirtHost share. Calls that missed their deadline keep it alive.
//
// libvirt serves five calls of a connection at a time, and one that asks a QEMU which hangs
// does not come back. So there are two: on one, guests are listed and read, which libvirt
// does out of its own memory; on the other, everything that may ask a QEMU.
class Core : public std::enable_shared_from_this<Core> {
 public:
  // Begins to connect, and waits at most `patience` for it.
  static std::shared_ptr<Core> open(Options options, const Clock& clock, Duration patience);
  Core(Options opened, const Clock& time);
  // No more events, no new connections.
  void close() const;

  bool is_connected() const;

  // A call on a connection of `readers` that asks no QEMU, on this thread. One that is late
  // ends because its connection is cut.
  template <class F>
  std::invoke_result_t<F, const Connection&> read(const ConnectionPtr& connection, F work) {
    auto watch = late.watch(connection->socket.get(), options.observe_deadline);
    auto result = work(*connection);
    if (watch.end()) {
      readers->give_up(connection, "did not answer");
      return Error{Errc::unavailable,
                   "libvirt: no answer within " + to_short_string(options.observe_deadline)};
    }
    if (!result && result.error().code() == Errc::unavailable) readers->suspect(connection);
    return result;
  }

  // A call that may ask the QEMU of guest `uuid`: `work(Core&, const Connection&)`, bounded by
  // `deadline`. It must own what it uses: the caller may be gone before it ends. Refused with
  // Errc::unavailable while an earlier one of that guest has not come back.
  template <class F>
  std::invoke_result_t<F, Core&, const Connection&> ask(const Uuid& uuid, Duration deadline,
                                                        F work) {
    if (silent.contains(uuid)) return silent_error();
    return ask_regardless(uuid, deadline, std::move(work));
  }

  // As above for a change of the guest: its next observation reads it again.
  template <class F>
  Result<void> change(const Uuid& uuid, F work) {
    cache->mark(uuid);
    auto result = ask(uuid, options.change_deadline, std::move(work));
    cache->mark(uuid);
    return result;
  }

  // As above also of a guest that does not answer: for what needs no answer of it.
  template <class F>
  Result<void> change_regardless(const Uuid& uuid, F work) {
    cache->mark(uuid);
    auto result = ask_regardless(uuid, options.change_deadline, std::move(work));
    cache->mark(uuid);
    return result;
  }

  const Options options;
  const Clock& clock;
  const std::shared_ptr<CallCounts> calls = std::make_shared<CallCounts>();
  const std::shared_ptr<ObservedCache> cache = std::make_shared<ObservedCache>();
  const std::shared_ptr<Guarded<std::function<void(const Uuid&)>>> listener =
      std::make_shared<Guarded<std::function<void(const Uuid&)>>>();
  std::shared_ptr<Session> readers{};  // this and the next are set by open() for good
  std::shared_ptr<Session> workers{};  // the same one for libvirt's test driver
  SilentGuests silent{};
  LateCalls late{};
  BoundedCalls bounded{};

 private:
  template <class F>
  std::invoke_result_t<F, Core&, const Connection&> ask_regardless(const Uuid& uuid,
                                                                   Duration deadline, F work) {
    ConnectionPtr connection = TRY(workers->current());
    auto bound = [self = shared_from_this(), connection, work = std::move(work)]() mutable {
      return work(*self, *connection);
    };
    // libvirt's test driver lives in this process and cannot hang.
    auto result = connection->platform.is_qemu()
                      ? bounded.run(deadline, std::move(bound), when_late(uuid, connection))
                      : bound();
    if (!result && result.error().code() == Errc::unavailable) workers->suspect(connection);
    return result;
  }

  void on_event(const Uuid& uuid);
  std::shared_ptr<Session> make_session(Session::Events events);
  static Error silent_error();
  BoundedCalls::Late when_late(const Uuid& uuid, const ConnectionPtr& connection);

  std::atomic<bool> were_up_{false};
};
using CorePtr = std::shared_ptr<Core>;

}  // namespace holdfast::libvirt
