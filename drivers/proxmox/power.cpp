// SPDX-License-Identifier: Apache-2.0
#include "drivers/proxmox/ports.hpp"

namespace holdfast::proxmox {
namespace {

bool is_on(host::PowerState power) {
  return power == host::PowerState::running || power == host::PowerState::suspended;
}

Error is_off(const Ours& guest) {
  return {Errc::conflict, "guest " + std::to_string(guest.config.place.vmid) + " does not run"};
}

// For how long Proxmox itself waits for a guest that was asked to stop; whoever asked looks at
// the guest, and may cut its power before.
constexpr const char* shutdown_seconds = "600";

}  // namespace

// None of these can be bound to the configuration that was read: it was read just before.
Result<void> Power::order(const Uuid& uuid, const Ours& guest, const std::string& what,
                          const Form& form) {
  const Place& place = guest.config.place;
  node_.forget(place);
  return node_.finish(uuid, TRY(node_.client().post(node_.path(place, "/status/" + what), form)));
}

Result<void> Power::start(const Uuid& uuid) {
  const Ours guest = TRY(node_.ours(uuid));
  if (is_on(guest.power)) return ok();
  return order(uuid, guest, "start");
}

Result<void> Power::request_stop(const Uuid& uuid) {
  const Ours guest = TRY(node_.ours(uuid));
  if (!is_on(guest.power)) return ok();
  const Place& place = guest.config.place;
  node_.forget(place);
  const Json answer = TRY(
      node_.client().post(node_.path(place, "/status/shutdown"), {{"timeout", shutdown_seconds}}));
  return answer.is_string() ? node_.begun(uuid, answer.get<std::string>()) : ok();
}

Result<void> Power::power_off(const Uuid& uuid) {
  const Ours guest = TRY(node_.ours(uuid));
  if (!is_on(guest.power)) return ok();
  // A request to stop that still waits holds the guest's lock until it is overruled.
  Form form;
  if (TRY(node_.is_at_least(8, 2))) form.emplace_back("overrule-shutdown", "1");
  return order(uuid, guest, "stop", form);
}

Result<void> Power::suspend(const Uuid& uuid) {
  const Ours guest = TRY(node_.ours(uuid));
  if (!is_on(guest.power)) return is_off(guest);
  if (guest.config.place.kind == Kind::lxc)
    return Error{Errc::denied, "containers of Proxmox cannot be suspended"};
  if (guest.power == host::PowerState::suspended) return ok();
  return order(uuid, guest, "suspend");
}

Result<void> Power::resume(const Uuid& uuid) {
  const Ours guest = TRY(node_.ours(uuid));
  if (!is_on(guest.power)) return is_off(guest);
  if (guest.power == host::PowerState::running) return ok();
  return order(uuid, guest, "resume");
}

}  // namespace holdfast::proxmox
