-- Purpose:    the least that recovering jobs out of a registry of RQ can cost: finding, deciding and moving, all
--             inside Redis. It knows this one application by heart, and can neither be configured nor explain, preview
--             or fence.
-- KEYS:       registry
-- ARGV:       now (ms), most jobs in this call, events kept, how it finds them (range: by score, walk: from the first
--             member), now and the latest sign of life of a stuck job (ISO 8601), the highest score that is due (s),
--             whether each change is written down and can be undone (whole) or only made (bare)
-- Returns:    how many were recovered
-- Complexity: O(log N + k) for k members looked at out of N
local WINDOW, UNDO = 3600000, 86400000

local call = redis.call
local registry, is_range, is_whole = KEYS[1], ARGV[4] == 'range', ARGV[8] == 'whole'
local now, now_text, latest = ARGV[1], ARGV[5], ARGV[6]
local found
if is_range then
  found = call('ZRANGEBYSCORE', registry, '-inf', ARGV[7], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
else
  found = call('ZRANGE', registry, 0, ARGV[2] - 1, 'WITHSCORES')
end
local done = {}
for place = 1, #found, 2 do
  local member, score = found[place], found[place + 1]
  local id, execution = string.match(member, '^(.*):(.*)$')
  local key = 'rq:job:' .. id
  local job = call('HMGET', key, 'status', 'started_at', 'enqueued_at', 'last_heartbeat', 'origin', 'worker_name')
  local status, enqueued, origin, worker = job[1], job[3], job[5], job[6]
  local sign = job[2] ~= '' and job[2] or enqueued
  if job[4] > sign then sign = job[4] end
  local is_stuck = status == 'started' and (is_range or sign <= latest)
  -- A job is recovered once an hour: the note of that is made first, and refused where there is one.
  local noted = '{curfew}:recoveries:stuck-jobs:' .. id
  if is_stuck and (not is_whole or call('SET', noted, now, 'PX', WINDOW, 'NX')) then
    call('HSET', key, 'status', 'queued', 'enqueued_at', now_text, 'worker_name', '')
    call('RPUSH', 'rq:queue:' .. origin, id)
    local executions = 'rq:executions:' .. id
    if is_whole then
      local trash = 'curfew:trash:stuck-jobs-1:{' .. executions .. '}'
      local left = call('PTTL', executions)
      call('RENAME', executions, trash)
      call('PEXPIRE', trash, UNDO)
      local reason = is_range and 'stuck in started: <score> was ' .. score .. ', timeout 5m; recovery 1 of 1'
        or 'stuck in started: no heartbeat since ' .. sign .. ', timeout 5m; recovery 1 of 1'
      local before = cjson.encode({status = status, enqueued_at = enqueued, worker_name = worker,
        ['curfew:take'] = {registry, member, score}, ['curfew:also'] = {executions, left}})
      call('XADD', '{curfew}:events', 'MAXLEN', '~', ARGV[3], '*', 'run', 'stuck-jobs-1', 'cleanup', 'stuck-jobs',
        'record', id, 'key', key, 'action', 'retry', 'from', status, 'to', 'queued', 'reason', reason, 'type', '',
        'tokens', '0', 'bytes', '0', 'before', before, 'at_ms', now)
    else
      call('DEL', executions)
    end
    done[#done + 1] = member
  end
end
if #done > 0 then call('ZREM', registry, unpack(done)) end
return #done
