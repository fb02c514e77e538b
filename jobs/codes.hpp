// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// Why a job is not taken, besides what its signatures may lack (signing/codes.hpp). They are
// journaled, shown and matched by programs: add, never rename. docs/design/jobs.md says what
// to do about each.
namespace holdfast::jobs::code {

// Not now: the same bytes may be taken later, so that nothing is spent and nothing final.
inline constexpr std::string_view clock_unsound = "ClockUnsound";
inline constexpr std::string_view no_operators = "NoOperators";
inline constexpr std::string_view not_yet_valid = "NotYetValid";
inline constexpr std::string_view observe_only = "ObserveOnly";

// Not ever.
inline constexpr std::string_view malformed_envelope = "MalformedEnvelope";
inline constexpr std::string_view malformed_job = "MalformedJob";
inline constexpr std::string_view unknown_action = "UnknownAction";
inline constexpr std::string_view unsupported_action = "UnsupportedAction";
inline constexpr std::string_view bad_params = "BadParams";
inline constexpr std::string_view wrong_host = "WrongHost";
inline constexpr std::string_view expired = "Expired";
inline constexpr std::string_view window_too_long = "WindowTooLong";
inline constexpr std::string_view wrong_guest = "WrongGuest";
inline constexpr std::string_view wrong_incarnation = "WrongIncarnation";
inline constexpr std::string_view stale_fingerprint = "StaleFingerprint";
inline constexpr std::string_view replayed_job = "ReplayedJob";

// keys.rotate.
inline constexpr std::string_view stale_key_set = "StaleKeySet";
inline constexpr std::string_view bad_key_set = "BadKeySet";

}  // namespace holdfast::jobs::code
