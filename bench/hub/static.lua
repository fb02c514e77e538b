-- SPDX-License-Identifier: Apache-2.0
-- For wrk: the shortest request that it makes, always the same.
function done(summary)
  local errors = summary.errors
  local wrong = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("RATE %.0f WRONG %d\n", summary.requests / summary.duration * 1e6, wrong))
end
