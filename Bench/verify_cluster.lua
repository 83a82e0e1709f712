#!lua flags=allow-cross-slot-keys
-- Purpose:    counts the jobs that were failed as they should be
-- KEYS:       none (it reads the keys of the given jobs, all of them on this node)
-- ARGV:       the keys
-- Returns:    how many are FAILED with an error and a time
-- Complexity: O(count)
local failed = 0
for a = 1, #ARGV do
  local job = redis.call('HMGET', ARGV[a], 'status', 'error', 'finishedAt')
  if job[1] == 'FAILED' and job[2] and job[3] then failed = failed + 1 end
end
return failed
