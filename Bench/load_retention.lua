-- Purpose:    makes jobs that ended long ago: a hash of eight fields, a log and an entry in the index for each
-- KEYS:       index
-- ARGV:       first number, count, end of job 0 (ms; each later job ended a millisecond earlier), users, keep (ms)
-- Returns:    count
-- Complexity: O(count log N); the caller keeps the count small
local STATES = {'COMPLETED', 'FAILED', 'CANCELLED'}
local PROMPT = 'a lighthouse in the fog, oil on canvas..'
for number = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  local id = string.format('%08d', number)
  local ended = string.format('%.0f', ARGV[3] - number)
  redis.call('HSET', 'job:' .. id, 'status', STATES[number % 3 + 1], 'completedAt', ended, 'updatedAt', ended,
    'userId', number % ARGV[4], 'tokensCost', '10', 'tier', 'TIER_1K', 'prompt', PROMPT, 'createdAt', ended)
  redis.call('RPUSH', 'job:' .. id .. ':log', 'queued', 'started by worker 7', 'ended after 41 s')
  redis.call('ZADD', KEYS[1], string.format('%.0f', ended + ARGV[5]), id)
end
return ARGV[2]
