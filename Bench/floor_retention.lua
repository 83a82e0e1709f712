-- Purpose:    the least that moving old jobs to the trash can cost: finding, deciding and moving, all inside Redis. It
--             knows this one application by heart, and can neither be configured nor explain, preview or fence.
-- KEYS:       index
-- ARGV:       now (ms), most jobs in this call, events kept
-- Returns:    how many were due
-- Complexity: O(log N + k) for k due out of N
local KEEP, UNDO = 2592000000, 86400000
local ENDED = {COMPLETED = true, FAILED = true, CANCELLED = true}

local call = redis.call
local now = tonumber(ARGV[1])
local due = call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
local done = {}
for _, id in ipairs(due) do
  local key = 'job:' .. id
  local log = key .. ':log'
  local job = call('HMGET', key, 'status', 'completedAt', 'updatedAt')
  local status, ended, updated = job[1], job[2], job[3]
  if not ENDED[status] then
    call('ZADD', KEYS[1], now + 86400000, id)
  elseif ended + KEEP > now then
    call('ZADD', KEYS[1], ended + KEEP, id)
  else
    local trash, log_trash = 'curfew:trash:old-jobs-1:{' .. key .. '}', 'curfew:trash:old-jobs-1:{' .. log .. '}'
    call('RENAME', key, trash)
    call('PEXPIRE', trash, UNDO)
    call('RENAME', log, log_trash)
    call('PEXPIRE', log_trash, UNDO)
    local reason = status .. ', kept for ' .. math.floor((now - ended) / 86400000) .. 'd: completedAt was ' .. ended
      .. ', keep 30d'
    local before = cjson.encode({status = status, completedAt = ended, updatedAt = updated, ['curfew:also'] = {log}})
    call('XADD', '{curfew}:events', 'MAXLEN', '~', ARGV[3], '*', 'run', 'old-jobs-1', 'cleanup', 'old-jobs',
      'record', id, 'key', key, 'action', 'remove', 'from', status, 'to', '', 'reason', reason, 'type', '',
      'tokens', '0', 'bytes', '0', 'before', before, 'at_ms', ARGV[1])
    done[#done + 1] = id
  end
end
if #done > 0 then call('ZREM', KEYS[1], unpack(done)) end
return #due
