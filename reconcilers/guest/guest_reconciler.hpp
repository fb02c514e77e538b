// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gate/authority.hpp"
#include "reconcilers/guest/guest_plan.hpp"
#include "reconcilers/guest/guest_world.hpp"
#include "reconcilers/guest/recover.hpp"
#include "reconcilers/requeue.hpp"

namespace holdfast {

// observe -> plan -> act, for one guest at a time. Holds no state between calls. The
// work queue's promise that a name is never with two workers at once is reconcile()'s lock;
// different names run in parallel, and all other methods may run beside it.
class GuestReconciler {
 public:
  explicit GuestReconciler(GuestWorld world) : world_{std::move(world)} {}

  // Finishes what is unfinished, observes afresh, plans, and runs at most a few
  // operations. Does not sleep: an operation that waits answers Requeue::after. A pass
  // with nothing to do writes nothing and asks the provider once.
  // An Error means: back off by its kind. Conditions have been written then, too.
  Result<Requeue> reconcile(const std::string& name);

  // What reconcile() would do now. No side effects. Errc::unavailable: cannot be told.
  Result<GuestPlan> plan(const std::string& name) const;
  // What it would do if `desired` were accepted.
  Result<GuestPlan> plan(const std::string& name, const DesiredGuest& desired) const;

  // Of all guests wanted or known: those that need a pass, judged from one bulk
  // observation alone. The others would write nothing. Sorted.
  struct OutOfSync {
    std::vector<std::string> guests{};
    // One of the others waits for what no observation lists: an image, a target, a disk's file.
    bool has_blocked = false;
  };
  Result<OutOfSync> out_of_sync(const host::Inventory& inventory) const;
  // Whether anything waits for its seven days to be over: a tombstone, or a disk set aside.
  Result<bool> keeps_anything() const;
  // Every name with a guest or a tombstone in the journal. Sorted.
  Result<std::vector<std::string>> known_guests() const;

  // Orders by an operator, from any thread. Each is journaled and runs at the name's next
  // pass, so the caller queues guest_subject(name). Errc::conflict while another operation runs;
  // Errc::not_found when there is no such guest, tombstone or snapshot.
  Result<OperationId> begin_snapshot(const std::string& name, const std::string& snapshot);
  Result<OperationId> begin_undelete(const std::string& name);
  // These destroy: Errc::denied (and a ticket) without an authority that fits.
  Result<OperationId> begin_destroy(const std::string& name,
                                    const std::optional<gate::Authority>& authority);
  Result<OperationId> begin_roll_back(const std::string& name, const std::string& snapshot,
                                      const std::optional<gate::Authority>& authority);
  Result<OperationId> begin_remove_snapshot(const std::string& name, const std::string& snapshot,
                                            const std::optional<gate::Authority>& authority);

  // Rebuild the journal's provenance from the markers in the guests themselves.
  Result<Recovery> plan_recovery() const;
  Result<void> apply(const Recovery& recovery);

  // Why the guest is as it is, in sentences: what differs, what is being done, what was
  // refused and by which rule, what to sign.
  Result<std::vector<std::string>> why(const std::string& name) const;

 private:
  GuestWorld world_;
};

}  // namespace holdfast
