-- SPDX-License-Identifier: Apache-2.0
-- For wrk: one heartbeat after another, of every host in turn. HOSTS names a file of "ID KEY".
-- Requests are put together beforehand but for the number in them, so that making them costs
-- little, and as much for a peer that gets the same ones.
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init()
  -- Each thread has hosts of its own, and each run a session of its own.
  local session = string.format("%032x", os.time() * 10 + number)
  local before = '{"apiVersion":"holdfast/v1","kind":"Heartbeat","session":"' .. session .. '","sequence":'
  after = ',"passAge":"3s","journalAge":"12s","openOperations":1,"generation":41,"mode":"normal"}'
  local digits = 9
  local all = {}
  for line in io.lines(os.getenv("HOSTS")) do
    local id, key = line:match("(%S+) (%S+)")
    all[#all + 1] = "POST /v1/hosts/" .. id .. "/heartbeat HTTP/1.1\r\nHost: localhost\r\n" ..
      "Authorization: Bearer " .. key .. "\r\nContent-Type: application/json\r\nContent-Length: " ..
      (#before + digits + #after) .. "\r\n\r\n" .. before
  end
  local half = math.floor(#all / 2)
  heads = {}
  for i = 1, half do heads[i] = all[number % 2 * half + i] end
  at = 0
  count = 10 ^ (digits - 1)
end

function request()
  count = count + 1
  at = at % #heads + 1
  return heads[at] .. string.format("%d", count) .. after
end

function done(summary)
  local errors = summary.errors
  local wrong = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("RATE %.0f WRONG %d\n", summary.requests / summary.duration * 1e6, wrong))
end
