#!lua flags=allow-cross-slot-keys
-- Purpose:    makes jobs that are being processed, each a hash of eight fields; the index is not touched
-- KEYS:       none (it writes the keys of the given jobs, all of them on this node)
-- ARGV:       start of job 0 (ms; each later job started a millisecond earlier), users, then for each job: number, key
-- Returns:    how many
-- Complexity: O(count); the caller keeps the count small
local TIERS = {'TIER_1K', 'TIER_2K', 'TIER_4K'}
local PROMPT = 'a lighthouse in the fog, oil on canvas..'
for a = 3, #ARGV, 2 do
  local number = tonumber(ARGV[a])
  local started = string.format('%.0f', ARGV[1] - number)
  redis.call('HSET', ARGV[a + 1], 'status', 'PROCESSING', 'processingStartedAt', started, 'updatedAt', started,
    'userId', number % ARGV[2], 'tokensCost', '10', 'tier', TIERS[number % 3 + 1], 'prompt', PROMPT,
    'createdAt', started)
end
return (#ARGV - 2) / 2
