-- SPDX-License-Identifier: Apache-2.0
-- For wrk: one heartbeat after another, of every host in turn. HOSTS names a file of "ID KEY".
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init()
  hosts = {}
  for line in io.lines(os.getenv("HOSTS")) do
    local id, key = line:match("(%S+) (%S+)")
    hosts[#hosts + 1] = {path = "/v1/hosts/" .. id .. "/heartbeat", headers = {
      ["Authorization"] = "Bearer " .. key, ["Content-Type"] = "application/json"}}
  end
  -- Each thread has hosts of its own, and each run a session of its own.
  half = math.floor(#hosts / 2)
  at = number % 2 * half
  count = 0
  session = string.format("%032x", os.time() * 10 + number)
end

function request()
  count = count + 1
  local host = hosts[at + count % half + 1]
  return wrk.format("POST", host.path, host.headers, string.format(
    '{"apiVersion":"holdfast/v1","kind":"Heartbeat","session":"%s","sequence":%d,' ..
    '"passAge":"3s","journalAge":"12s","openOperations":1,"generation":41,"mode":"normal"}',
    session, count))
end

function done(summary)
  local errors = summary.errors
  local wrong = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("RATE %.0f WRONG %d\n", summary.requests / summary.duration * 1e6, wrong))
end
