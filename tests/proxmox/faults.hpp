// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::standin {

// What goes wrong with one request.
struct Fault {
  enum class Kind {
    connection_refused,  // 595 with an empty body, nothing done
    timed_out,           // 596 with an empty body; it was done all the same if `has_effect`
    status,              // `status` and `text`, nothing done
    lost_before,         // the connection breaks before the request arrives
    lost_after,          // the request is carried out, the answer does not arrive
    task_dies_early,     // the worker it forks dies before its effect ("unexpected status")
    task_dies_late,      // ... after its effect
    task_fails,          // the worker fails with `text` and cleans up
    stale,               // a GET answers what it answered before; never asked before: no data
    stranger,            // before the request, `vmid` becomes another guest's
    locked,              // before the request, somebody's job leaves the lock `text` on `vmid`
  };
  Kind kind = Kind::lost_after;

  // Which requests: the `call`th of all (from 1), or those with this method and with `path` in
  // their path; empty: any.
  std::uint64_t call = 0;
  std::string method{};
  std::string path{};
  int times = 1;  // then no more; negative: always

  int status = 500;
  std::string text{};
  int vmid = 0;
  bool has_effect = false;
};

}  // namespace holdfast::standin
