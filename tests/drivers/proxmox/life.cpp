// SPDX-License-Identifier: Apache-2.0
#include "tests/drivers/proxmox/life.hpp"

#include <algorithm>

namespace holdfast::test {
namespace {

constexpr int strangers_vmid = 555;

standin::Fault fault_of(const Trouble& trouble) {
  using Kind = standin::Fault::Kind;
  standin::Fault fault;
  fault.call = trouble.call;
  fault.has_effect = true;
  switch (trouble.harm) {
    case Harm::lost_before: fault.kind = Kind::lost_before; break;
    case Harm::refused: fault.kind = Kind::connection_refused; break;
    case Harm::timed_out: fault.kind = Kind::timed_out; break;
    case Harm::killed_early: fault.kind = Kind::task_dies_early; break;
    case Harm::killed_late: fault.kind = Kind::task_dies_late; break;
    default: fault.kind = Kind::lost_after; break;
  }
  return fault;
}

// The daemon dies at each of these requests.
auto die_at(const std::vector<Trouble>& troubles, Harm when) {
  return [troubles, when](std::uint64_t number, const http::Request&) {
    for (const Trouble& trouble : troubles)
      if (trouble.harm == when && trouble.call == number) throw Death{};
  };
}

}  // namespace

std::string to_string(const Kin& kin) {
  return std::string{standin::to_string(kin.kind)} + " on " +
         std::string{standin::to_string(kin.version)};
}

std::string to_string(const Trouble& trouble) {
  static const std::array<const char*, 8> names{"death before",
                                                "death after",
                                                "loss of",
                                                "lost answer to",
                                                "595 for",
                                                "596 for",
                                                "worker killed early by",
                                                "worker killed late by"};
  return std::string{names.at(static_cast<std::size_t>(trouble.harm))} + " request " +
         std::to_string(trouble.call);
}

std::vector<Harm> harms_of(const std::string& method) {
  if (method == "GET") return {Harm::die_before, Harm::lost_after, Harm::refused, Harm::timed_out};
  return {Harm::die_before, Harm::die_after, Harm::lost_before,  Harm::lost_after,
          Harm::refused,    Harm::timed_out, Harm::killed_early, Harm::killed_late};
}

GuestLife::GuestLife(const Kin& kin)
    : host{kin.version},
      kin_{kin},
      root_{kin.kind == standin::GuestKind::lxc ? "rootfs" : "scsi0"} {
  host.site.add_image(kin.kind);
  stranger_ = host.world().add_guest(standin::GuestKind::lxc, strangers_vmid,
                                     {{"hostname", "theirs"}, {"rootfs", "local:1"}}, "their data");
}

void GuestLife::meet(const std::vector<Trouble>& troubles) {
  host.site.stand_in.before = die_at(troubles, Harm::die_before);
  host.site.stand_in.after = die_at(troubles, Harm::die_after);
  for (const Trouble& trouble : troubles)
    if (trouble.harm != Harm::die_before && trouble.harm != Harm::die_after)
      host.site.stand_in.add_fault(fault_of(trouble));
}

bool GuestLife::first_half() {
  Guest acme = tenant("acme");
  if (!host.want(acme)) return false;
  acme.spec.memory = mebibytes(1024);
  acme.spec.root_disk.size = gibibytes(3);
  if (!host.want(acme)) return false;
  host.order([&](auto& guests) {
    const auto begun = guests.begin_snapshot("acme", "before");
    return bool{begun} || begun.error().code() == Errc::conflict;
  });
  return host.settle("acme");
}

bool GuestLife::second_half() {
  const auto destroy = [&] {
    const auto guest = host.identity("acme");
    if (!guest) return false;
    const auto authority = host.sign(gate::Verb::destroy_guest, *guest);
    return host.order([&](auto& guests) {
      return bool{guests.begin_destroy("acme", authority)};
    }) && host.settle("acme");
  };
  if (!destroy()) return false;
  if (!host.order([&](auto& guests) { return bool{guests.begin_undelete("acme")}; })) return false;
  if (!host.settle("acme") || !destroy()) return false;
  host.desk.drop("acme");
  host.site.stand_in.advance(std::chrono::hours{24 * 8});
  return host.settle("acme");
}

std::string GuestLife::wrong_at_half() {
  const standin::Guest* guest = host.at_host("acme");
  auto& world = host.world();
  if (guest == nullptr) return "there is not exactly one guest acme";
  if (world.guests.size() != 2) return "a VMID is leaked";
  if (guest->power != standin::PowerState::running) return "it does not run";
  if (world.content_of(guest->vmid, root_) != "golden root") return "its root is another";
  if (world.volumes_of(guest->vmid).size() != 2) return "a volume is leaked";
  return {};
}

std::string GuestLife::wrong_at_end() {
  auto& world = host.world();
  if (world.guests.size() != 1) return "a guest is left";
  for (const auto& [id, volume] : world.volumes)
    if (!volume.archive && volume.vmid != strangers_vmid && volume.kind != "vztmpl")
      return "volume " + id + " is left";
  const standin::Guest* theirs = world.find_guest(strangers_vmid);
  if (theirs == nullptr || theirs->birth != stranger_.birth || theirs->config != stranger_.config ||
      theirs->power != stranger_.power)
    return "a stranger was touched";
  for (const Operation& op : host.journal->recent("", 1000).value())
    if (op.state == OperationState::open || op.state == OperationState::stuck)
      return holdfast::to_string(op.id) + " " + op.kind + " did not end: " + op.cause;
  const auto& violations = host.site.stand_in.violations();
  return violations.empty() ? std::string{} : standin::to_string(violations.front());
}

std::string GuestLife::live() {
  if (!first_half()) return "the guest does not converge: " + host.last_error;
  // A placeholder stays where a worker died before it made the guest; only root may remove it.
  const auto& guests = host.world().guests;
  const bool has_leftover = std::any_of(guests.begin(), guests.end(), [](const auto& entry) {
    const auto lock = entry.second.config.find("lock");
    return lock != entry.second.config.end() && lock->second == "create";
  });
  if (has_leftover) host.unlock();
  if (std::string wrong = wrong_at_half(); !wrong.empty()) return wrong;
  if (!second_half()) return "the guest does not end: " + host.last_error;
  return wrong_at_end();
}

std::vector<std::string> requests_of_a_life(const Kin& kin) {
  GuestLife life{kin};
  std::vector<std::string> methods;
  life.host.site.stand_in.before = [&](std::uint64_t, const http::Request& request) {
    methods.push_back(request.method);
  };
  return life.first_half() && life.second_half() ? methods : std::vector<std::string>{};
}

}  // namespace holdfast::test
