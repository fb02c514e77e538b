// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>
#include <vector>

#include "drivers/libvirt/domains.hpp"
#include "drivers/libvirt/errors.hpp"
#include "drivers/libvirt/ports.hpp"

namespace holdfast::libvirt {
namespace {

using host::PowerState;

// One change of power. It is done already in `wanted`; it makes sense from `from`.
struct Change {
  std::string_view doing{};
  Call call = Call::create;
  PowerState wanted = PowerState::running;
  std::vector<PowerState> from{};
  int (*apply)(virDomain* domain) = nullptr;
};

bool is_off(PowerState power) {
  return power == PowerState::stopped || power == PowerState::crashed;
}

bool is_done(const Change& change, PowerState power) {
  return power == change.wanted || (is_off(change.wanted) && is_off(power));
}

Result<void> apply(Core& core, const Connection& connection, const Uuid& uuid,
                   const Change& change) {
  const OurDomain ours = TRY(find_ours(core, connection, uuid));
  const PowerState power = power_of(ours.state);
  if (is_done(change, power)) return ok();
  if (std::find(change.from.begin(), change.from.end(), power) == change.from.end()) {
    return Error{Errc::conflict, "the guest is " + std::string{to_string(power)}};
  }
  core.calls->add(change.call);
  if (change.apply(ours.get()) == 0) return ok();
  Error error = last_error(to_string(change.call));
  // Somebody else may have been faster; then it is done all the same.
  const auto now = read_state(core, ours.get());
  if (now && is_done(change, power_of(*now))) return ok();
  return error;
}

int start_domain(virDomain* domain) { return virDomainCreateWithFlags(domain, 0); }
// No graceful flag: the caller asked the guest before, and now means it.
int destroy_domain(virDomain* domain) { return virDomainDestroyFlags(domain, 0); }

int ask_to_shut_down(virDomain* domain) {
  const int asked = virDomainShutdownFlags(domain, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN);
  if (asked == 0 || last_error_number() != VIR_ERR_INVALID_ARG) return asked;
  return virDomainShutdownFlags(domain, 0);  // the test driver has no buttons
}

Result<void> change_power(Core& core, const Uuid& uuid, Change change) {
  const std::string doing = std::string{change.doing} + " guest " + to_string(uuid);
  const bool needs_no_answer = change.apply == destroy_domain;
  auto work = [uuid, wanted = std::move(change)](Core& c, const Connection& n) {
    return apply(c, n, uuid, wanted);
  };
  auto changed = needs_no_answer ? core.change_regardless(uuid, std::move(work))
                                 : core.change(uuid, std::move(work));
  return std::move(changed).context(doing);
}

}  // namespace

Result<void> LibvirtPower::start(const Uuid& uuid) {
  return change_power(*core_, uuid,
                      {"start",
                       Call::create,
                       PowerState::running,
                       {PowerState::stopped, PowerState::crashed},
                       start_domain});
}

Result<void> LibvirtPower::request_stop(const Uuid& uuid) {
  return change_power(*core_, uuid,
                      {"ask to stop",
                       Call::shutdown,
                       PowerState::stopped,
                       {PowerState::running, PowerState::suspended, PowerState::stopping},
                       ask_to_shut_down});
}

Result<void> LibvirtPower::power_off(const Uuid& uuid) {
  return change_power(*core_, uuid,
                      {"power off",
                       Call::destroy,
                       PowerState::stopped,
                       {PowerState::running, PowerState::suspended, PowerState::stopping},
                       destroy_domain});
}

Result<void> LibvirtPower::suspend(const Uuid& uuid) {
  return change_power(
      *core_, uuid,
      {"suspend", Call::suspend, PowerState::suspended, {PowerState::running}, virDomainSuspend});
}

Result<void> LibvirtPower::resume(const Uuid& uuid) {
  return change_power(
      *core_, uuid,
      {"resume", Call::resume, PowerState::running, {PowerState::suspended}, virDomainResume});
}

}  // namespace holdfast::libvirt
