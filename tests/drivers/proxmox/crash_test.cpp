// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <functional>
#include <vector>

#include "drivers/proxmox/marker_text.hpp"
#include "tests/drivers/proxmox/guests_site.hpp"

// Every request of a whole life, one at a time: the daemon dies before it or after its effect,
// the request or its answer is lost, the API daemon answers 595 or 596, the worker that it forks
// dies. The life then goes on to its end, and what is left at the host must be exact.
using namespace holdfast;
using namespace holdfast::test;

namespace {

enum class Harm {
  die_before,
  die_after,
  lost_before,
  lost_after,
  refused,
  timed_out,
  killed_early,
  killed_late
};
constexpr std::array<Harm, 8> harms{Harm::die_before,   Harm::die_after,  Harm::lost_before,
                                    Harm::lost_after,   Harm::refused,    Harm::timed_out,
                                    Harm::killed_early, Harm::killed_late};

void prepare(standin::StandIn& host, Harm harm, std::uint64_t call) {
  using Kind = standin::Fault::Kind;
  const auto die = [call](std::uint64_t number, const http::Request&) {
    if (number == call) throw Death{};
  };
  standin::Fault fault;
  fault.call = call;
  switch (harm) {
    case Harm::die_before: host.before = die; return;
    case Harm::die_after: host.after = die; return;
    case Harm::lost_before: fault.kind = Kind::lost_before; break;
    case Harm::lost_after: fault.kind = Kind::lost_after; break;
    case Harm::refused: fault.kind = Kind::connection_refused; break;
    case Harm::timed_out:
      fault.kind = Kind::timed_out;
      fault.has_effect = true;
      break;
    case Harm::killed_early: fault.kind = Kind::task_dies_early; break;
    case Harm::killed_late: fault.kind = Kind::task_dies_late; break;
  }
  host.add_fault(fault);
}

standin::Guest& plant_stranger(GuestsOnProxmox& host) {
  return host.world().add_guest(standin::GuestKind::lxc, 555,
                                {{"hostname", "theirs"}, {"rootfs", "local:1"}}, "their data");
}

bool is_untouched(GuestsOnProxmox& host, int vmid, std::uint64_t birth,
                  const standin::Config& config) {
  const standin::Guest* guest = host.world().find_guest(vmid);
  return guest != nullptr && guest->birth == birth && guest->config == config;
}

// To a running guest with a volume that was changed once, and a snapshot.
bool first_half(GuestsOnProxmox& host) {
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

// Destroyed, undeleted, destroyed again and freed.
bool second_half(GuestsOnProxmox& host) {
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

// What is wrong after a life with that harm; empty: nothing.
std::string live_with(Harm harm, std::uint64_t call) {
  GuestsOnProxmox host;
  host.site.add_image();
  const auto stranger = plant_stranger(host);
  prepare(host.site.stand_in, harm, call);
  if (!first_half(host)) return "the guest does not converge: " + host.last_error;
  // A placeholder stays where a worker died before it made the guest; only root may remove it.
  if (harm == Harm::killed_early && host.world().guests.size() == 3) host.unlock();
  const standin::Guest* guest = host.at_host("acme");
  if (guest == nullptr) return "there is not exactly one guest acme";
  if (host.world().guests.size() != 2) return "a VMID is leaked";
  if (guest->power != standin::PowerState::running) return "it does not run";
  if (host.world().content_of(guest->vmid, "rootfs") != "golden root") return "its root is another";
  if (host.world().volumes_of(guest->vmid).size() != 2) return "a volume is leaked";
  if (!second_half(host)) return "the guest does not end: " + host.last_error;
  if (host.world().guests.size() != 1) return "a guest is left";
  if (!host.world().volumes_of(guest->vmid).empty()) return "a volume is left";
  if (!is_untouched(host, 555, stranger.birth, stranger.config)) return "a stranger was touched";
  for (const Operation& op : host.journal->recent("", 1000).value())
    if (op.state == OperationState::open || op.state == OperationState::stuck)
      return to_string(op.id) + " " + op.kind + " did not end: " + op.cause;
  if (!host.site.stand_in.violations().empty())
    return standin::to_string(host.site.stand_in.violations().front());
  return {};
}

std::uint64_t requests_of_a_life() {
  GuestsOnProxmox host;
  host.site.add_image();
  plant_stranger(host);
  REQUIRE(first_half(host));
  REQUIRE(second_half(host));
  return host.site.stand_in.calls();
}

// Who takes the VMID over, and how far the token's rights go.
struct Takeover {
  bool is_pool_kept = true;      // else it could change every guest of the node
  bool is_another_ours = false;  // a guest of this very host, with a marker of its own
};

// Before that request our guest goes, and another one comes under its number. Counts in
// `planted` the lives in which there was a guest to go. Without a pool only where the driver can
// still tell: before what it reads, and before changes that are bound to what it read.
std::string live_with_stranger(std::uint64_t call, const Takeover& how, std::uint64_t& planted) {
  GuestsOnProxmox host;
  host.site.add_image();
  if (how.is_pool_kept) host.site.keep_to_pool();
  host.boot();
  plant_stranger(host);
  std::optional<standin::Guest> stranger;
  host.site.stand_in.before = [&](std::uint64_t number, const http::Request& request) {
    if (number != call) return;
    if (!how.is_pool_kept && request.method != "GET" && request.method != "PUT") return;
    for (const auto& [vmid, guest] : host.world().guests) {
      if (vmid == 555) continue;
      auto& other = host.world().replace_by_stranger(vmid, standin::GuestKind::lxc);
      if (how.is_another_ours) {
        proxmox::MarkerText marker{{}, vmid};
        marker.marker.uuid = Uuid::parse("00000000-0000-4000-8000-000000000042").value();
        marker.marker.incarnation = Incarnation{1};
        marker.marker.name = "another";
        other.config["description"] = proxmox::with_marker("", marker).value();
      }
      stranger = other;
      return;
    }
  };
  // Neither half need come to its end: what was destroyed is not made anew.
  first_half(host);
  second_half(host);
  if (!stranger) return {};
  ++planted;
  const standin::Guest* now = host.world().find_guest(stranger->vmid);
  if (now == nullptr || now->birth != stranger->birth) return "the stranger's guest is gone";
  if (now->config != stranger->config) return "the stranger's guest was changed";
  if (now->power != stranger->power) return "the stranger's guest was started or stopped";
  if (host.world().content_of(stranger->vmid, "rootfs") != "a stranger's data")
    return "the stranger's data was changed";
  if (!now->snapshots.empty()) return "the stranger's guest has a snapshot";
  return {};
}

}  // namespace

TEST_CASE("proxmox guests: no request lost or cut short leaves anything behind",
          "[proxmox][crash]") {
  const std::uint64_t calls = requests_of_a_life();
  std::uint64_t lives = 0;
  for (const Harm harm : harms) {
    for (std::uint64_t call = 1; call <= calls; ++call) {
      ++lives;
      const std::string wrong = live_with(harm, call);
      INFO("harm " << static_cast<int>(harm) << " at request " << call << " of " << calls);
      if (!wrong.empty()) FAIL_CHECK(wrong);
    }
  }
  std::printf("proxmox: %llu lives with one harm each, %llu requests a life\n",
              static_cast<unsigned long long>(lives), static_cast<unsigned long long>(calls));
}

TEST_CASE("proxmox guests: a stranger that takes over a VMID at any moment is not touched",
          "[proxmox][crash][safety]") {
  // The second and third show the driver's own care, the first that of Proxmox behind it.
  const Takeover how = GENERATE(Takeover{}, Takeover{false, false}, Takeover{false, true});
  const std::uint64_t calls = requests_of_a_life();
  std::uint64_t planted = 0;
  for (std::uint64_t call = 1; call <= calls; ++call) {
    const std::string wrong = live_with_stranger(call, how, planted);
    INFO("a stranger before request " << call << " of " << calls
                                      << (how.is_pool_kept ? ", with" : ", without") << " a pool"
                                      << (how.is_another_ours ? ", of ours" : ""));
    if (!wrong.empty()) FAIL_CHECK(wrong);
  }
  std::printf("proxmox: a stranger took over in %llu of %llu lives\n",
              static_cast<unsigned long long>(planted), static_cast<unsigned long long>(calls));
  CHECK(planted > calls / 2);
}
