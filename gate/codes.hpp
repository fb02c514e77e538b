// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// The gate's answers by name. They are journaled, shown and matched by programs:
// add, never rename. docs/design/gate.md says what to do about each.
namespace holdfast::gate::code {

// Allowed.
inline constexpr std::string_view own_rollback = "OwnRollback";
inline constexpr std::string_view own_scratch = "OwnScratch";
inline constexpr std::string_view tombstone_kept = "TombstoneKept";
inline constexpr std::string_view by_policy = "ByPolicy";
inline constexpr std::string_view own_snapshot = "OwnSnapshot";
inline constexpr std::string_view signed_order = "SignedOrder";
inline constexpr std::string_view set_aside_kept = "SetAsideKept";

// Refused: what it is, or whose, is not certain. No signature helps.
inline constexpr std::string_view object_unnamed = "ObjectUnnamed";
inline constexpr std::string_view unread = "Unread";
inline constexpr std::string_view marker_differs = "MarkerDiffers";
inline constexpr std::string_view foreign = "Foreign";
inline constexpr std::string_view no_object = "NoObject";
inline constexpr std::string_view not_ours = "NotOurs";
inline constexpr std::string_view wrong_incarnation = "WrongIncarnation";
inline constexpr std::string_view gone = "Gone";
inline constexpr std::string_view is_tombstone = "IsTombstone";
inline constexpr std::string_view already_ours = "AlreadyOurs";

// Refused: the rule that would allow it unsigned does not hold, and there is no other.
inline constexpr std::string_view not_this_operation = "NotThisOperation";
inline constexpr std::string_view not_unfinished = "NotUnfinished";
inline constexpr std::string_view not_scratch = "NotScratch";
inline constexpr std::string_view scratch_holds_data = "ScratchHoldsData";
inline constexpr std::string_view not_tombstone = "NotTombstone";
inline constexpr std::string_view not_set_aside = "NotSetAside";
inline constexpr std::string_view not_our_copy = "NotOurCopy";
inline constexpr std::string_view last_tested = "LastTested";
inline constexpr std::string_view too_young = "TooYoung";
inline constexpr std::string_view too_few_newer = "TooFewNewer";

// Refused until somebody signs; a ticket is written.
inline constexpr std::string_view needs_signature = "NeedsSignature";
inline constexpr std::string_view tombstone_young = "TombstoneYoung";
inline constexpr std::string_view set_aside_young = "SetAsideYoung";
inline constexpr std::string_view not_by_policy = "NotByPolicy";
inline constexpr std::string_view other_incarnations_snapshot = "OtherIncarnationsSnapshot";
inline constexpr std::string_view no_safety_copy = "NoSafetyCopy";
inline constexpr std::string_view newer_would_be_lost = "NewerWouldBeLost";

// Refused although signed: the signature says something else. A new ticket is written.
inline constexpr std::string_view signed_other_verb = "SignedOtherVerb";
inline constexpr std::string_view signed_other_guest = "SignedOtherGuest";
inline constexpr std::string_view signed_other_incarnation = "SignedOtherIncarnation";
inline constexpr std::string_view signed_other_object = "SignedOtherObject";
inline constexpr std::string_view expired = "Expired";
inline constexpr std::string_view stale_fingerprint = "StaleFingerprint";
inline constexpr std::string_view budget_spent = "BudgetSpent";

}  // namespace holdfast::gate::code
