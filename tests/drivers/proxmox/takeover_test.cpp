// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <optional>

#include "drivers/proxmox/marker_text.hpp"
#include "tests/catch.hpp"
#include "tests/drivers/proxmox/life.hpp"

// A VMID is reused once its guest is gone: at every moment of a life somebody else's guest takes
// over the number of ours, and must stay as it is.
using namespace holdfast;
using namespace holdfast::test;

namespace {

#ifdef HOLDFAST_IS_SLOW_BUILD
constexpr std::size_t every = 7;  // of the moments
#else
constexpr std::size_t every = 1;
#endif

// Who takes the VMID over, and how far the token's rights go.
struct Takeover {
  Kin kin = container_on_8;
  bool is_pool_kept = true;      // else it could change every guest of the node
  bool is_another_ours = false;  // a guest of this very host, with a marker of its own
};

standin::Guest take_over(GuestsOnProxmox& host, int vmid, const Takeover& how) {
  auto& other = host.world().replace_by_stranger(vmid, how.kin.kind);
  if (how.is_another_ours) {
    proxmox::MarkerText marker{{}, vmid};
    marker.marker.uuid = Uuid::parse("00000000-0000-4000-8000-000000000042").value();
    marker.marker.incarnation = Incarnation{1};
    marker.marker.name = "another";
    other.config["description"] = proxmox::with_marker("", marker).value();
  }
  return other;
}

std::string wrong_with(GuestsOnProxmox& host, const standin::Guest& stranger) {
  const char* const root = stranger.kind == standin::GuestKind::lxc ? "rootfs" : "scsi0";
  const standin::Guest* now = host.world().find_guest(stranger.vmid);
  if (now == nullptr || now->birth != stranger.birth) return "the stranger's guest is gone";
  if (now->config != stranger.config) return "the stranger's guest was changed";
  if (now->power != stranger.power) return "the stranger's guest was started or stopped";
  if (host.world().content_of(stranger.vmid, root) != "a stranger's data")
    return "the stranger's data was changed";
  if (!now->snapshots.empty()) return "the stranger's guest has a snapshot";
  return {};
}

// Before that request our guest goes, and another one comes under its number. Counts in
// `planted` the lives in which there was a guest to go. Without a pool only where the driver can
// still tell: before what it reads, and before changes that are bound to what it read.
std::string live_with_stranger(std::uint64_t call, const Takeover& how, std::uint64_t& planted) {
  GuestLife life{how.kin};
  GuestsOnProxmox& host = life.host;
  if (how.is_pool_kept) host.site.keep_to_pool();
  host.boot();
  std::optional<standin::Guest> stranger;
  host.site.stand_in.before = [&](std::uint64_t number, const http::Request& request) {
    if (number != call) return;
    if (!how.is_pool_kept && request.method != "GET" && request.method != "PUT") return;
    for (const auto& [vmid, guest] : host.world().guests) {
      if (vmid == 555) continue;
      stranger = take_over(host, vmid, how);
      return;
    }
  };
  // Neither half need come to its end: what was destroyed is not made anew.
  life.first_half();
  life.second_half();
  if (!stranger) return {};
  ++planted;
  return wrong_with(host, *stranger);
}

}  // namespace

TEST_CASE("proxmox guests: a stranger that takes over a VMID at any moment is not touched",
          "[proxmox][crash][safety]") {
  // Without a pool the driver's own care shows, with one that of Proxmox behind it.
  const Takeover how = GENERATE(
      Takeover{}, Takeover{container_on_8, false, false}, Takeover{container_on_8, false, true},
      Takeover{machine_on_9, true, false}, Takeover{machine_on_9, false, true});
  const std::uint64_t calls = requests_of_a_life(how.kin).size();
  std::uint64_t planted = 0;
  std::uint64_t lives = 0;
  for (std::uint64_t call = 1; call <= calls; call += every, ++lives) {
    const std::string wrong = live_with_stranger(call, how, planted);
    INFO(to_string(how.kin) << ": a stranger before request " << call << " of " << calls
                            << (how.is_pool_kept ? ", with" : ", without") << " a pool"
                            << (how.is_another_ours ? ", of ours" : ""));
    if (!wrong.empty()) FAIL_CHECK(wrong);
  }
  std::printf("proxmox %s: a stranger took over in %llu of %llu lives\n",
              to_string(how.kin).c_str(), static_cast<unsigned long long>(planted),
              static_cast<unsigned long long>(lives));
  CHECK(planted > lives / 2);
}
