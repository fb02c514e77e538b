// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/silent_guests.hpp"

namespace holdfast::libvirt {

void SilentGuests::gave_up(const Uuid& guest) {
  const std::lock_guard lock{mutex_};
  ++calls_[guest];
}

bool SilentGuests::came_back(const Uuid& guest) {
  const std::lock_guard lock{mutex_};
  const auto found = calls_.find(guest);
  if (found == calls_.end() || --found->second > 0) return false;
  calls_.erase(found);
  return true;
}

bool SilentGuests::contains(const Uuid& guest) const {
  const std::lock_guard lock{mutex_};
  return calls_.contains(guest);
}

}  // namespace holdfast::libvirt
