// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/drivers/proxmox/guests_site.hpp"

namespace holdfast::test {

// Whose life it is, and on which Proxmox VE.
struct Kin {
  standin::GuestKind kind = standin::GuestKind::lxc;
  standin::Version version = standin::Version::v8_4;
};
inline constexpr Kin container_on_8{standin::GuestKind::lxc, standin::Version::v8_4};
inline constexpr Kin container_on_9{standin::GuestKind::lxc, standin::Version::v9_1};
inline constexpr Kin machine_on_8{standin::GuestKind::qemu, standin::Version::v8_4};
inline constexpr Kin machine_on_9{standin::GuestKind::qemu, standin::Version::v9_1};
std::string to_string(const Kin& kin);  // "lxc on 8.4"

// What happens to one request.
enum class Harm {
  die_before,    // the daemon dies before it is sent
  die_after,     // ... after its effect, before its answer
  lost_before,   // the connection breaks before it arrives
  lost_after,    // the answer is lost after the effect
  refused,       // 595, nothing done
  timed_out,     // 596, done all the same
  killed_early,  // the worker it forks dies before its effect
  killed_late    // ... after it
};

struct Trouble {
  Harm harm{};
  std::uint64_t call = 0;  // the request's number, from 1
};
std::string to_string(const Trouble& trouble);

// Those that can make a difference: one that only reads forks no worker, and it is all the
// same whether a reader dies before it asks or after.
std::vector<Harm> harms_of(const std::string& method);

// One whole life of the guest "acme", with a stranger's guest beside it: made, grown, changed, a
// snapshot; destroyed, undeleted, destroyed again and freed.
class GuestLife {
 public:
  explicit GuestLife(const Kin& kin);

  void meet(const std::vector<Trouble>& troubles);
  // To a running guest with a volume, changed once, and its snapshot.
  bool first_half();
  // To where nothing is left of it.
  bool second_half();
  // Both, and what is wrong then; empty: nothing. Nothing may be left, twice or a stranger's.
  std::string live();

  GuestsOnProxmox host;

 private:
  std::string wrong_at_half();
  std::string wrong_at_end();

  Kin kin_;
  std::string root_;  // the key of its root disk
  standin::Guest stranger_{};
};

// The methods of the requests of an undisturbed life, in order.
std::vector<std::string> requests_of_a_life(const Kin& kin);

}  // namespace holdfast::test
