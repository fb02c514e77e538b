// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gate/permit.hpp"
#include "host/observed.hpp"
#include "host/storage.hpp"
#include "reconcilers/guest/guest_facts.hpp"
#include "schema/report.hpp"

namespace holdfast {

// What may be done to a guest. Each carries all it needs, so that a plan can be printed,
// journaled and compared; a new one without an operation does not compile.

struct CreateGuest {
  Guest guest{};
  host::StoredImage image{};
};

struct SeedFile {
  std::string path{};
  host::Seed content{};
};

// Its definition went away at the provider and all its disks are still there.
struct RedefineGuest {
  host::GuestDefinition definition{};
  GuestIdentity identity{};
  std::optional<SeedFile> seed{};  // written first
};

struct RenameGuest {
  Uuid uuid{};
  std::string from{};
  std::string to{};
};

struct GrowDisk {
  Uuid uuid{};
  host::Disk disk{};       // with the size it has now
  Bytes size{};            // with the size it will have
  bool is_active = false;  // the guest runs: it is told
};

struct AddVolume {
  Uuid uuid{};
  host::Disk disk{};
  bool is_made = false;    // its file exists and belongs to this guest: only attach it
  bool is_active = false;  // the guest runs: it is told
};

// One change of the running guest that follows its persistent definition.
struct LiveCpus {
  unsigned cpus = 0;
};
struct LiveMemory {
  Bytes memory{};
};
struct LiveLimits {
  Limits limits{};
};
struct LiveAttachNic {
  host::Nic nic{};
};
struct LiveDetachNic {
  std::string mac{};
};
using LiveChange = std::variant<LiveCpus, LiveMemory, LiveLimits, LiveAttachNic, LiveDetachNic>;

// Make `definition` the persistent configuration, then change the running guest as far
// as the provider can.
struct ConfigureGuest {
  host::GuestDefinition definition{};
  GuestIdentity identity{};        // as it will be remembered
  std::optional<SeedFile> seed{};  // written first
  std::vector<LiveChange> live{};
};

enum class PowerChange { start, stop, suspend, resume };
struct ChangePower {
  Uuid uuid{};
  PowerChange change = PowerChange::start;
  Duration stop_timeout{};  // stop: how long to wait before the power is cut
};

struct FreeTombstone {
  GuestIdentity identity{};
};

// A disk that a signed job took out of use, and whose seven days are over.
struct FreeSetAside {
  GuestIdentity identity{};
  std::string path{};
};

// Cannot happen without a signature; `effects` is what signing it would do.
struct RefusedChange {
  gate::Verb verb = gate::Verb::destroy_guest;
  Uuid uuid{};
  Incarnation incarnation{};
  std::string object{};  // disk or volume; empty for the guest
  std::vector<std::string> effects{};
};

using GuestAction =
    std::variant<CreateGuest, RedefineGuest, RenameGuest, GrowDisk, AddVolume, ConfigureGuest,
                 ChangePower, FreeTombstone, FreeSetAside, RefusedChange>;

struct PlannedAction {
  GuestAction action{};
  // Of the spec, dotted: "cpus", "volumes.db.size"; "guest" for all of it. `field` is the
  // same in one line.
  std::vector<std::string> fields{};
  std::string field{};
  std::string reason{};  // a sentence
  Verdict verdict = Verdict::free;
  // Refused: the gate's code and the ticket to sign; filled by GuestReconciler::plan().
  std::string rule{};
  std::string ticket{};
};

struct PlannedCondition {
  std::string type{};
  ConditionStatus status = ConditionStatus::unknown;
  std::string reason{};
  std::string message{};
};

struct GuestPlan {
  std::string name{};
  std::uint64_t generation = 0;
  std::vector<PlannedAction> actions{};  // in the order they are to happen
  // Fields that the guest will take on at its next stop, as sentences.
  std::vector<std::string> pending{};
  // The truth as far as the plan knows it; every type it knows is named.
  std::vector<PlannedCondition> conditions{};
  // Paths and formats the provider reports that the journal should remember (snapshots).
  std::optional<GuestIdentity> moved{};
  // Why nothing (more) may be done: "NameTaken", "MarkerDiffers", ...; empty: nothing is in
  // the way but what `actions` says is refused. `blocked_by` is the sentence.
  std::string blocked{};
  std::string blocked_by{};
  // Waiting for the guest itself (it is stopping): look again soon.
  bool is_waiting = false;

  // Nothing to do, nothing refused, nothing in the way.
  bool in_sync() const { return actions.empty() && blocked.empty(); }
  // The first thing that can be done now; null when all that is left is refused.
  const PlannedAction* next() const;
};

// The whole decision, no I/O. Unfinished operations are resumed before anybody plans, so
// the facts are of a guest at rest.
GuestPlan plan_guest(const GuestFacts& facts);

// "create guest acme from image debian-12 2026.11.1", "grow disk root from 8Gi to 16Gi".
std::string describe(const GuestAction& action);
// Of the guest `facts` speaks of, as a job may be bound to it: "sha256:...". Changes with
// its configuration and disks, not with its power.
std::string guest_fingerprint(const host::ObservedGuest& guest);

}  // namespace holdfast
