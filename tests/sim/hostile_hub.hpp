// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/engine_daemon.hpp"
#include "tests/sim/seeded_random.hpp"

namespace holdfast::sim {

// A hub that sends anything a hub could send, by a seed: wishes that would cost data if
// they were carried out literally, envelopes out of order, and texts that are no wishes.
// Everything goes through the real parser, as it would from a file or a socket.
class HostileHub {
 public:
  HostileHub(std::uint64_t seed, Resources honest)
      : random_{seed}, honest_{std::move(honest)}, mood_{honest_} {}

  // One message to the controller, by way of `hub`.
  void send(Hub& hub, Time now);

  std::size_t sent() const { return sent_; }
  std::size_t parsed() const { return parsed_; }

 private:
  void change_mood();
  void spoil(Guest& guest);
  void spoil_disks(GuestSpec& spec);
  void spoil_rest(GuestSpec& spec);
  void spoil_names();
  void spoil_count();
  void spoil_host();
  Guest* pick();
  std::string pick_name();
  Bytes any_size();
  std::string envelope(Hub& hub, Time now);
  std::string corrupt_tree(const std::string& text);
  std::string corrupt_bytes(std::string text);

  SeededRandom random_;
  Resources honest_;
  Resources mood_;
  unsigned made_ = 0;
  std::size_t sent_ = 0;
  std::size_t parsed_ = 0;
};

}  // namespace holdfast::sim
