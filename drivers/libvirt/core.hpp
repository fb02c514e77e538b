// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/result.hpp"
#include "drivers/libvirt/bounded_calls.hpp"
#include "drivers/libvirt/libvirt_host.hpp"
#include "drivers/libvirt/observed_cache.hpp"
#include "drivers/libvirt/session.hpp"

namespace holdfast::libvirt {

// What all ports of one LibvirtHost share. Calls that missed their deadline keep it alive.
class Core : public std::enable_shared_from_this<Core> {
 public:
  Core(Options options, const Clock& clock);

  // One port call: `work(Core&, const Connection&)` on a live connection, bounded by
  // `deadline`. It must own what it uses: the caller may be gone before it ends.
  template <class F>
  std::invoke_result_t<F, Core&, const Connection&> call(Duration deadline, F work) {
    ConnectionPtr connection = TRY(session->current());
    auto bound = [self = shared_from_this(), connection, work = std::move(work)]() mutable {
      return work(*self, *connection);
    };
    // libvirt's test driver lives in this process and cannot hang.
    auto result =
        connection->platform.is_qemu() ? bounded.run(deadline, std::move(bound)) : bound();
    if (!result && result.error().code() == Errc::unavailable) session->suspect(connection);
    return result;
  }

  // As above for a change of one guest: its next observation reads it again.
  template <class F>
  Result<void> change(const Uuid& uuid, F work) {
    cache->mark(uuid);
    auto result = call(options.change_deadline, std::move(work));
    cache->mark(uuid);
    return result;
  }

  const Options options;
  const Clock& clock;
  const std::shared_ptr<CallCounts> calls;
  const std::shared_ptr<ObservedCache> cache;
  const std::shared_ptr<Guarded<std::function<void(const Uuid&)>>> listener;
  const std::shared_ptr<Session> session;
  BoundedCalls bounded{};
};
using CorePtr = std::shared_ptr<Core>;

}  // namespace holdfast::libvirt
