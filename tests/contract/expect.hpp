// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "base/result.hpp"
#include "tests/catch.hpp"

// What the suites of this folder say of an answer. A wrong one ends the test case, with the error's
// words.
namespace holdfast::contract {

template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().describe());
  return std::move(result).value();
}

inline void must(const Result<void>& result) {
  if (!result) FAIL(result.error().describe());
}

template <class T>
Errc code_of(const Result<T>& result) {
  if (result) FAIL("it succeeded");
  return result.error().code();
}

}  // namespace holdfast::contract
