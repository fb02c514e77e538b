// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "signing/refusal.hpp"

namespace holdfast::signing {

// The code of a refusal, "" when there is none.
template <class T>
std::string code_of(const Judged<T>& judged) {
  const auto* refusal = refusal_of(judged);
  return refusal == nullptr ? std::string{} : std::string{refusal->code};
}

}  // namespace holdfast::signing
