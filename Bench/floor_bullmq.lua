-- Purpose:    the least that recovering the jobs in BullMQ's list of active ones can cost: walking, deciding and
--             moving, all inside Redis. It knows this one application by heart, and can neither be configured nor
--             explain, preview or fence.
-- KEYS:       list of active jobs
-- ARGV:       now (ms), most jobs in this call, events kept, the latest start of a stuck job (ms), whether each change
--             is written down and can be undone (whole) or only made (bare)
-- Returns:    how many were recovered
-- Complexity: O(k) for k jobs looked at, which are the oldest and stand at the tail
local WINDOW = 3600000

local call = redis.call
local active, is_whole = KEYS[1], ARGV[5] == 'whole'
local now, latest = ARGV[1], tonumber(ARGV[4])
local prefix = string.match(active, '^(.*:)active$')
local found = call('LRANGE', active, -ARGV[2], -1)
local done = 0
for place = #found, 1, -1 do
  local id = found[place]
  local key = prefix .. id
  local job = call('HMGET', key, 'processedOn', 'stc')
  local started = job[1]
  local is_stuck = started and tonumber(started) <= latest and call('EXISTS', key .. ':lock') == 0
  -- A job is recovered once an hour: the note of that is made first, and refused where there is one.
  local noted = '{curfew}:recoveries:stuck-jobs:' .. id
  if is_stuck and (not is_whole or call('SET', noted, now, 'PX', WINDOW, 'NX')) then
    call('LREM', active, -1, id)
    call('HINCRBY', key, 'stc', 1)
    call('RPUSH', prefix .. 'wait', id)
    call('XADD', prefix .. 'events', '*', 'event', 'waiting', 'jobId', id, 'prev', 'active')
    if is_whole then
      local reason = 'stuck in active: processedOn was ' .. started .. ', timeout 5m; ' .. key
        .. ':lock is gone; recovery 1 of 1'
      local before = cjson.encode({stc = job[2] or cjson.null, ['curfew:take'] = {active, id}})
      call('XADD', '{curfew}:events', 'MAXLEN', '~', ARGV[3], '*', 'run', 'stuck-jobs-1', 'cleanup', 'stuck-jobs',
        'record', id, 'key', key, 'action', 'retry', 'from', '', 'to', '', 'reason', reason, 'type', '', 'tokens', '0',
        'bytes', '0', 'before', before, 'at_ms', now)
    end
    done = done + 1
  end
end
return done
