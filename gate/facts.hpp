// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "gate/authority.hpp"
#include "gate/permit.hpp"
#include "journal/records.hpp"

namespace holdfast::gate {

// `guest`: the guest itself, through its API. `job`: an operator, with an Authority.
enum class Requester { desired_state, operation, policy, guest, job };
std::string_view to_string(Requester requester);

// What the provider said when it was asked, under the subject's lock.
enum class MarkerState {
  matches,    // our marker, with the UUID and incarnation of the request
  differs,    // a marker that names another guest, incarnation or installation
  missing,    // the object is there without a marker: foreign
  no_object,  // the provider says that there is no such object
  unread,     // it could not be asked
};

// Snapshots and backups around a roll-back or removal of one.
struct CopyFacts {
  bool made_by_this_incarnation = false;
  bool is_ours = false;
  bool has_safety_copy = false;  // what would be lost was copied first
  unsigned newer = 0;            // newer ones that would be lost with it
  unsigned newer_verified = 0;   // newer ones that were verified and stay
  Duration age{};
  bool is_last_tested = false;  // the last one whose restore was tested
};

// A disk of the guest's that it does not use any more, for free_set_aside.
struct SetAsideFacts {
  std::optional<Time> since{};          // when a signed job took it out of use
  Duration witnessed{};                 // Journal::witnessed() then
  bool made_by_this_operation = false;  // which never got as far as giving it to the guest
};

// How much was destroyed on this host in the last 24 hours, and how much there is.
struct Budget {
  unsigned destroyed_today = 0;
  unsigned guests = 0;
};

// Everything the decision depends on. Values, no references: a test enumerates them.
struct Facts {
  Verb verb = Verb::destroy_guest;
  Requester requester = Requester::desired_state;
  std::string subject{};  // "guest/acme"
  // What within it, and to what end, since a signature binds this text whole: the disk
  // and its new size ("root 8Gi"), the volume, the image ("debian-12 2026.11.1"), the
  // snapshot, the backup, the file that was set aside, the name to adopt it under; for
  // allow_mass_change the digest of the desired state. Empty only when the verb speaks of
  // all of the guest (destroy, undelete, free, remove unfinished).
  std::string object{};
  Uuid uuid{};
  Incarnation incarnation{};
  OperationId operation{};                 // on whose behalf; 0 while only planning
  std::optional<Provenance> provenance{};  // the journal's row for `uuid`
  MarkerState marker = MarkerState::unread;
  CopyFacts copies{};
  SetAsideFacts set_aside{};
  Budget budget{};
  std::string fingerprint{};  // of the guest now
  std::optional<Authority> authority{};
  Time now{};
  Duration witnessed{};  // Journal::witnessed() now: what "for 7 days" is measured by
};

}  // namespace holdfast::gate
