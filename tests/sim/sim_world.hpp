// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "gate/permit.hpp"
#include "host/backups.hpp"
#include "host/observed.hpp"
#include "host/storage.hpp"
#include "tests/sim/calls.hpp"

namespace holdfast::sim {

// One piece of data that a customer's guest wrote.
using Token = std::uint64_t;

// A file on a storage target. Content is modelled, not stored: where the bytes came
// from, and which pieces of customer data were written over them.
struct SimFile {
  Bytes size{};
  std::string content{};  // "image debian-12/1 root", "zeros", "layer", "seed sha256:..."
  std::set<Token> customer{};
  Uuid owner{};             // from its path
  std::string backing{};    // the layer below, for an overlay
  bool is_partial = false;  // a transfer that has not ended
};

struct SimSnapshot {
  host::SnapshotFacts facts{};
  std::map<std::string, std::string> frozen{};  // disk name -> the file that holds its state
};

// How a guest takes a request to stop.
struct StopBehaviour {
  Duration takes = std::chrono::seconds{3};
  bool ignores = false;
};

// A guest as the hypervisor keeps it.
struct SimDomain {
  Uuid uuid{};
  std::string name{};
  std::optional<host::Marker> marker{};
  host::PowerState power = host::PowerState::stopped;
  host::Shape configured{};
  std::optional<host::Shape> live{};
  std::string kernel{};
  std::string initrd{};
  std::string cmdline{};
  std::string problem{};
  std::vector<SimSnapshot> snapshots{};
  bool is_foreign = false;  // made by somebody else: no call may touch it
  StopBehaviour on_stop{};
  std::optional<Duration> stop_due{};  // monotonic time at which it will have stopped
  Bytes memory_ceiling{};              // of the running guest: memory may not grow past it
  unsigned boots = 0;
  unsigned stops_by_us = 0;  // through power_off or an obeyed request_stop
  unsigned outages = 0;      // crashes, power losses, stops by other hands
  std::uint64_t pid = 0;     // new at each boot; 0 when not running

  host::ObservedGuestPtr observed{};  // as last asked for
  bool may_have_changed = true;       // since then

  bool is_up() const { return live.has_value(); }
};

struct SimTarget {
  std::string path{};
  bool is_present = true;  // false: unplugged; everything on it is unavailable
  bool is_full = false;
};

struct SimImage {
  host::StoredImage stored{};
  bool is_corrupt = false;
};

// A backup that the hypervisor took.
struct SimBackup {
  host::BackupFacts facts{};
  host::Marker marker{};
  std::string name{};
  host::Shape shape{};
  std::string kernel{};
  std::map<std::string, SimFile> held{};  // by the disk's name
};

// A piece of customer data, and where it was when it was written.
struct CustomerMark {
  Token token = 0;
  Uuid guest{};
  std::string guest_name{};
  std::string disk{};
  Bytes size{};           // of the disk at that time
  bool may_hide = false;  // set aside with leave (a roll-back), or by other hands
};

struct LoggedCall {
  Time at{};
  Call call = Call::define;
  Uuid subject{};
  std::optional<Errc> error{};  // what the call did, not what its caller heard
};

// A destructive call that was carried out.
struct Destroyed {
  Time at{};
  Call call = Call::undefine;
  gate::Verb verb = gate::Verb::remove_unfinished;
  Uuid uuid{};
  Incarnation incarnation{};
  OperationId operation{};
  std::string object{};  // path or snapshot; empty for a domain
  bool is_signed = false;
};

// True for verbs that nothing but an operator's signature can allow.
bool needs_signature(gate::Verb verb);

// Everything on the simulated machine that a death of the daemon leaves as it is: a
// value, to be copied and compared. Not thread-safe; the host locks around it.
struct SimWorld {
  SimWorld();  // with one target, "local"

  std::map<Uuid, SimDomain> domains{};
  std::map<std::string, SimFile> files{};
  std::map<std::string, SimTarget> targets{};
  std::vector<SimImage> images{};
  std::map<std::string, Image> importable{};  // path -> what lies there
  std::vector<SimBackup> backups{};
  std::vector<CustomerMark> marks{};
  std::vector<LoggedCall> calls{};  // those with effects; reads are counted only
  std::array<std::uint64_t, call_count> counts{};
  std::vector<Destroyed> destroyed{};
  std::vector<std::string> offences{};  // calls that should never have been made
  std::set<std::string> executed{};     // signed jobs that were written into any marker
  std::uint64_t version = 1;            // goes up with each change
  std::uint64_t last_pid = 0;
  Token last_token = 0;

  // Tests look and prepare with these.
  SimDomain* domain(const Uuid& uuid);
  const SimDomain* domain(const Uuid& uuid) const;
  SimDomain* find_by_name(std::string_view name);
  const SimDomain* find_by_name(std::string_view name) const;
  // With one disk "root" of `size`, and direct boot when `kernel` is not empty.
  const Image& add_image(const ImageRef& ref, Bytes size, const std::string& kernel = {});
  SimImage* image(const ImageRef& ref);
  std::set<Token> data_on(const std::string& path) const;  // through all its layers

  // The guest writes data of its customer to all its disks.
  void write_customer_data(const Uuid& guest);
  // As above, for each of ours that is running and not yet marked since its disks changed.
  void write_customer_data_everywhere();
  // An operator signed `verb` for `guest`: the loss it brings is intended.
  void sign(gate::Verb verb, const Uuid& guest, Incarnation incarnation);
  bool is_signed(gate::Verb verb, const Uuid& guest, Incarnation incarnation) const;
  // Sentences, one for each piece of customer data that is gone, cut off, or no longer
  // on the disk of its guest, without an operator having signed it.
  std::vector<std::string> lost_customer_data() const;

  // The model changes itself through these.
  void touch(SimDomain& domain);
  void touch_owner(const Uuid& owner);
  host::ObservedGuestPtr observed(SimDomain& domain);
  void end_run(SimDomain& domain, host::PowerState left_as);
  void begin_run(SimDomain& domain);
  void forget_marks(const std::set<Token>& tokens);
  std::set<Token> nowhere(std::set<Token> tokens) const;  // those that no file holds

 private:
  struct Signed {
    gate::Verb verb = gate::Verb::destroy_guest;
    Uuid guest{};
    Incarnation incarnation{};
  };
  bool has_any_signature(const Uuid& guest) const;
  std::vector<Signed> signed_{};
};

}  // namespace holdfast::sim
