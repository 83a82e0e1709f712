#!lua name=curfew
-- What people call by hand: FCALL_RO curfew_overview 1 {curfew}:schedule. It is a library of its own, because its name
-- is the same for all versions. Curfew up to library version 6 calls its whole library `curfew`, and replaces this one by
-- it; the function is in there, too.

-- No call may walk further than this: it answers within about a millisecond.
local MOST_ROWS = 100

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function span(milliseconds)
  local seconds = math.floor(math.abs(milliseconds) / 1000)
  if seconds < 60 then return seconds .. 's' end
  if seconds < 3600 then return string.format('%dm%02ds', math.floor(seconds / 60), seconds % 60) end
  if seconds < 172800 then return string.format('%dh%02dm', math.floor(seconds / 3600), math.floor(seconds / 60) % 60) end
  return math.floor(seconds / 86400) .. 'd'
end

-- Says how many are not listed.
local function rest(rows, noun, command, key)
  local more = redis.call('ZCARD', key) - MOST_ROWS
  if more <= 0 then return end
  rows[#rows + 1] = string.format('%-9s and %d more: %s %s %d -1', noun, more, command, key, MOST_ROWS)
end

-- Purpose:    schedule, leases and instances as rows that read well in redis-cli
-- KEYS:       schedule (the other keys have its prefix, and so its slot)
-- ARGV:       none
-- Returns:    a list of lines
-- Complexity: O(rows), at most 100 of each kind: the cleanups that are due first, the instances seen last
local function overview(KEYS)
  local now = now_ms()
  local prefix = string.sub(KEYS[1], 1, -(#'schedule' + 1))
  local rows = {}
  local scheduled = redis.call('ZRANGE', KEYS[1], 0, MOST_ROWS - 1, 'WITHSCORES')
  local names = {}
  for i = 1, #scheduled, 2 do names[#names + 1] = scheduled[i] end
  local paused = #names > 0 and redis.call('HMGET', prefix .. 'paused', unpack(names)) or {}
  for i = 1, #scheduled, 2 do
    local name, score = scheduled[i], tonumber(scheduled[i + 1])
    local pause = paused[(i + 1) / 2]
    local state
    local lease = redis.call('HMGET', prefix .. 'lease:' .. name, 'run', 'instance', 'progress', 'step')
    if lease[1] and score > now then
      state = string.format('running    %s on %s, %s%% (%s), lease ends in %s', lease[1], lease[2] or '?',
        lease[3] or '0', lease[4] or '', span(score - now))
    elseif lease[1] then
      state = string.format('lease lost %s of %s, %s ago', lease[1], lease[2] or '?', span(now - score))
    elseif pause then
      state = 'paused     ' .. pause
    elseif score > now then
      state = 'due in     ' .. span(score - now)
    else
      state = 'overdue by ' .. span(now - score)
    end
    rows[#rows + 1] = string.format('cleanup   %-24s %s', name, state)
    local f = redis.call('HMGET', prefix .. 'scan:' .. name, 'lease_until_ms', 'instance', 'seen', 'keys', 'added')
    if (tonumber(f[1]) or 0) > now then
      rows[#rows + 1] = string.format('scan      %-24s %s of %s keys on %s, %s added', name, f[3], f[4], f[2], f[5])
    end
  end
  rest(rows, 'cleanup', 'ZRANGE', KEYS[1])
  local seen = redis.call('ZREVRANGE', prefix .. 'instances', 0, MOST_ROWS - 1, 'WITHSCORES')
  for i = 1, #seen, 2 do
    local instance = redis.call('HMGET', prefix .. 'instance:' .. seen[i], 'version', 'running')
    local state = 'gone'
    if instance[1] then
      state = 'version ' .. instance[1] .. ', running ' .. ((instance[2] ~= '' and instance[2]) or 'nothing')
    end
    rows[#rows + 1] = string.format('instance  %-24s seen %s ago, %s', seen[i], span(now - tonumber(seen[i + 1])), state)
  end
  rest(rows, 'instance', 'ZREVRANGE', prefix .. 'instances')
  return rows
end

redis.register_function{function_name = 'curfew_overview', callback = overview, flags = {'no-writes'}}
