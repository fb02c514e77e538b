// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace holdfast::gate {

// What may destroy, overwrite or leak, and so passes the gate. Everything else
// (create, start, stop, grow, attach, snapshot) needs no permit.
enum class Verb {
  destroy_guest,      // tombstone it: stop, detach from the network, rename, keep the disks
  free_tombstone,     // remove a tombstone's configuration and disks for good
  remove_unfinished,  // undo: remove what the running operation itself created
  remove_scratch,     // remove what carries our own scratch provenance
  shrink_disk,
  remove_volume,
  move_disk,      // move and delete the source
  replace_image,  // reimage: new root disk, new incarnation
  restore_over,
  roll_back_snapshot,
  remove_snapshot,
  allow_mass_change,
  undelete_guest,  // a tombstone becomes a guest again
  adopt_guest,     // take over what somebody else made
  free_set_aside,  // remove a disk that a signed job took out of use, for good
};

// A job action that several verbs share means the first of them when it names none.
inline constexpr std::array<Verb, 15> all_verbs{
    Verb::destroy_guest,      Verb::free_tombstone,  Verb::remove_unfinished,
    Verb::remove_scratch,     Verb::shrink_disk,     Verb::remove_volume,
    Verb::move_disk,          Verb::replace_image,   Verb::restore_over,
    Verb::roll_back_snapshot, Verb::remove_snapshot, Verb::allow_mass_change,
    Verb::undelete_guest,     Verb::adopt_guest,     Verb::free_set_aside,
};

// The enumerator's own name: journaled, and the `verb` parameter of a signed job.
std::string_view to_string(Verb verb);
std::optional<Verb> parse_verb(std::string_view text);

class Gate;

// Leave to do one destructive thing, once. Only the Gate makes one; it names verb,
// UUID, incarnation and operation. A port method that destroys takes it by value
// and checks that it covers what it is about to do, so that code which could
// destroy without asking does not compile.
class [[nodiscard]] Permit {
 public:
  Permit(Permit&& other) noexcept { swap(other); }
  Permit& operator=(Permit&& other) noexcept {
    Permit taken{std::move(other)};
    swap(taken);
    return *this;
  }
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit() = default;

  Verb verb() const { return verb_; }
  const Uuid& uuid() const { return uuid_; }
  Incarnation incarnation() const { return incarnation_; }
  OperationId operation() const { return operation_; }

  // Errc::denied unless this permit is unspent and speaks of exactly this guest.
  Result<void> covers(const Uuid& uuid, Incarnation incarnation) const;
  // As above, for a method that cannot know the incarnation (a path in a guest's folder).
  Result<void> covers(const Uuid& uuid) const;
  // As above, and the verb is one of those that the method carries out.
  Result<void> covers(std::initializer_list<Verb> verbs, const Uuid& uuid) const;

 private:
  friend class Gate;
  Permit(Verb verb, const Uuid& uuid, Incarnation incarnation, OperationId operation)
      : verb_{verb}, uuid_{uuid}, incarnation_{incarnation}, operation_{operation}, live_{true} {}
  void swap(Permit& other) noexcept {
    std::swap(verb_, other.verb_);
    std::swap(uuid_, other.uuid_);
    std::swap(incarnation_, other.incarnation_);
    std::swap(operation_, other.operation_);
    std::swap(live_, other.live_);
  }

  Verb verb_ = Verb::remove_unfinished;
  Uuid uuid_{};
  Incarnation incarnation_{};
  OperationId operation_{};
  bool live_ = false;  // false once moved from
};

}  // namespace holdfast::gate
