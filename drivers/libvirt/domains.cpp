// SPDX-License-Identifier: Apache-2.0
#include "drivers/libvirt/domains.hpp"

#include "drivers/libvirt/errors.hpp"

namespace holdfast::libvirt {

using host::PowerState;

Result<DomainHandle> find_domain(Core& core, const Connection& connection, const Uuid& uuid) {
  core.calls->add(Call::lookup_by_uuid);
  DomainHandle domain{virDomainLookupByUUID(connection.handle.get(), uuid.bytes().data())};
  if (!domain) return last_error("virDomainLookupByUUID");
  return domain;
}

Result<std::string> read_xml(Core& core, virDomain* domain, Config config) {
  core.calls->add(Call::get_xml);
  const unsigned flags = config == Config::persistent ? unsigned{VIR_DOMAIN_XML_INACTIVE} : 0U;
  const CString xml{virDomainGetXMLDesc(domain, flags)};
  if (!xml) return last_error("virDomainGetXMLDesc");
  return std::string{xml.get()};
}

bool DomainState::is_active() const {
  return state != VIR_DOMAIN_SHUTOFF && state != VIR_DOMAIN_CRASHED && state != VIR_DOMAIN_NOSTATE;
}

Result<DomainState> read_state(Core& core, virDomain* domain) {
  core.calls->add(Call::get_state);
  DomainState state;
  if (virDomainGetState(domain, &state.state, &state.reason, 0) != 0) {
    return last_error("virDomainGetState");
  }
  return state;
}

PowerState power_of(const DomainState& state) {
  switch (state.state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED: return PowerState::running;
    case VIR_DOMAIN_PAUSED:
      // libvirt itself holds it for a moment; nobody suspended it.
      if (state.reason == VIR_DOMAIN_PAUSED_STARTING_UP ||
          state.reason == VIR_DOMAIN_PAUSED_SNAPSHOT) {
        return PowerState::running;
      }
      return PowerState::suspended;
    case VIR_DOMAIN_PMSUSPENDED: return PowerState::suspended;
    case VIR_DOMAIN_SHUTDOWN: return PowerState::stopping;
    case VIR_DOMAIN_SHUTOFF:
      return state.reason == VIR_DOMAIN_SHUTOFF_CRASHED ? PowerState::crashed : PowerState::stopped;
    case VIR_DOMAIN_CRASHED: return PowerState::crashed;
    default: return PowerState::unknown;
  }
}

unsigned OurDomain::affect() const {
  const unsigned live = state.is_active() ? unsigned{VIR_DOMAIN_AFFECT_LIVE} : 0U;
  return live | VIR_DOMAIN_AFFECT_CONFIG;
}

Result<OurDomain> find_ours(Core& core, const Connection& connection, const Uuid& uuid) {
  OurDomain ours;
  ours.handle = TRY(find_domain(core, connection, uuid));
  ours.xml = TRY(read_xml(core, ours.get(), Config::persistent));
  ours.parsed = parse_domain(ours.xml, connection.platform);
  if (!ours.parsed.metadata) {
    return Error{Errc::conflict, "guest " + to_string(uuid) + " carries no marker of Holdfast"};
  }
  if (ours.marker().uuid != uuid) {
    return Error{Errc::conflict, "guest " + to_string(uuid) + " carries the marker of " +
                                     to_string(ours.marker().uuid)};
  }
  ours.state = TRY(read_state(core, ours.get()));
  return ours;
}

}  // namespace holdfast::libvirt
