-- Purpose:    fails one job and pays its tokens back, if it is still as it was read
-- KEYS:       job, user's refunds, user's balance, events, index
-- ARGV:       id, start as read (ms), now (ms), reason, tokens, type, before (JSON), events kept, error
-- Returns:    1 where it was done, 0 where the job has moved in between
-- Complexity: O(log N) for N jobs in the index
local seen = redis.call('HMGET', KEYS[1], 'status', 'processingStartedAt')
if seen[1] ~= 'PROCESSING' or seen[2] ~= ARGV[2] then return 0 end
local paid = '0'
if redis.call('HSETNX', KEYS[2], 'job:' .. ARGV[1] .. '@' .. ARGV[2], ARGV[5]) == 1 then
  redis.call('INCRBY', KEYS[3], ARGV[5])
  paid = ARGV[5]
end
redis.call('HSET', KEYS[1], 'status', 'FAILED', 'error', ARGV[9], 'finishedAt', ARGV[3])
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[8], '*', 'run', 'stuck-jobs-1', 'cleanup', 'stuck-jobs',
  'record', ARGV[1], 'key', KEYS[1], 'action', 'fail', 'from', seen[1], 'to', 'FAILED', 'reason', ARGV[4],
  'type', ARGV[6], 'tokens', paid, 'bytes', '0', 'before', ARGV[7], 'at_ms', ARGV[3])
redis.call('ZREM', KEYS[5], ARGV[1])
return 1
