-- Purpose:    makes jobs that are being processed: a hash of eight fields and an entry in the index for each
-- KEYS:       index
-- ARGV:       first number, count, start of job 0 (ms; each later job started a millisecond earlier), users, timeout (ms)
-- Returns:    count
-- Complexity: O(count log N); the caller keeps the count small
local TIERS = {'TIER_1K', 'TIER_2K', 'TIER_4K'}
local PROMPT = 'a lighthouse in the fog, oil on canvas..'
for number = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  local id = string.format('%08d', number)
  local started = string.format('%.0f', ARGV[3] - number)
  redis.call('HSET', 'job:' .. id, 'status', 'PROCESSING', 'processingStartedAt', started, 'updatedAt', started,
    'userId', number % ARGV[4], 'tokensCost', '10', 'tier', TIERS[number % 3 + 1], 'prompt', PROMPT,
    'createdAt', started)
  redis.call('ZADD', KEYS[1], string.format('%.0f', started + ARGV[5]), id)
end
return ARGV[2]
