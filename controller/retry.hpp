// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/clock.hpp"
#include "base/error.hpp"

namespace holdfast {

// How a key comes back after a failed reconcile. `soon` and `patiently` both double
// from their start to the queue's cap; `when_changed` and `never` wait for the next
// resync or event, because the same input would get the same answer.
enum class Retry { soon, patiently, when_changed, never };

// What the queue does with a reconcile that failed with `code`.
Retry retry_for(Errc code);

// The delay before retry number `failures` (1 for the first): 1 s, doubled each time up
// to 300 s (`patiently` starts at 5 s), spread by +-20 % with `random`.
Duration backoff(Retry retry, int failures, std::uint64_t random);

// `period` spread by +-10 %, so that many hosts do not beat in step.
Duration with_jitter(Duration period, std::uint64_t random);

}  // namespace holdfast
