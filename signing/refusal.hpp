// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace holdfast::signing {

// Why something that claims to be signed is not believed. `code` is one of
// signing/codes.hpp: journaled, shown, matched by programs. `message` is for people.
struct Refusal {
  std::string_view code{};
  std::string message{};
  bool operator==(const Refusal&) const = default;
};

// What was verified, or why not. No Error: being refused is an answer, not a failure.
template <class T>
using Judged = std::variant<T, Refusal>;

template <class T>
const Refusal* refusal_of(const Judged<T>& judged) {
  return std::get_if<Refusal>(&judged);
}

// For checks that yield nothing: the refusal, or nothing to object to.
using Objection = std::optional<Refusal>;

}  // namespace holdfast::signing
