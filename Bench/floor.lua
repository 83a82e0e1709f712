-- Purpose:    the least that recovering stuck jobs can cost: finding, deciding and writing, all inside Redis. It knows
--             this one application by heart, and can neither be configured nor explain, preview or fence.
-- KEYS:       index
-- ARGV:       now (ms), most jobs in this call, events kept
-- Returns:    how many were due
-- Complexity: O(log N + k) for k due out of N
local TIMEOUTS = {TIER_1K = 300000, TIER_2K = 300000, TIER_4K = 300000}

local call = redis.call
local now = tonumber(ARGV[1])
local due = call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
local done = {}
for _, id in ipairs(due) do
  local key = 'job:' .. id
  local job = call('HMGET', key, 'status', 'processingStartedAt', 'userId', 'tokensCost', 'tier', 'error', 'finishedAt')
  local status, started, user, tokens, tier = job[1], job[2], job[3], job[4], job[5]
  local timeout = TIMEOUTS[tier] or 300000
  if status ~= 'PROCESSING' then
    done[#done + 1] = id
  elseif started + timeout > now then
    call('ZADD', KEYS[1], started + timeout, id)
  else
    local reason = 'stuck in PROCESSING for ' .. math.floor((now - started) / 60000) .. 'm: processingStartedAt was '
      .. started .. ', timeout ' .. timeout / 60000 .. 'm for ' .. tier
    local text = 'stuck in PROCESSING for ' .. math.floor((now - started) / 60000) .. 'm (timeout '
      .. timeout / 60000 .. 'm)'
    local paid = '0'
    if call('HSETNX', 'user:' .. user .. ':refunds', 'job:' .. id .. '@' .. started, tokens) == 1 then
      call('INCRBY', 'user:' .. user .. ':tokens', tokens)
      paid = tokens
    end
    call('HSET', key, 'status', 'FAILED', 'error', text, 'finishedAt', ARGV[1])
    local before = cjson.encode({status = status, error = job[6] or cjson.null, finishedAt = job[7] or cjson.null})
    call('XADD', '{curfew}:events', 'MAXLEN', '~', ARGV[3], '*', 'run', 'stuck-jobs-1', 'cleanup', 'stuck-jobs',
      'record', id, 'key', key, 'action', 'fail', 'from', status, 'to', 'FAILED', 'reason', reason, 'type', tier,
      'tokens', paid, 'bytes', '0', 'before', before, 'at_ms', ARGV[1])
    done[#done + 1] = id
  end
end
if #done > 0 then call('ZREM', KEYS[1], unpack(done)) end
return #due
