-- Purpose:    counts the jobs that were failed as they should be, each with its own entry in its user's ledger
-- KEYS:       none (it reads the keys of the given jobs)
-- ARGV:       first number, count
-- Returns:    jobs FAILED with an error and a time, jobs with their ledger entry
-- Complexity: O(count)
local failed, paid = 0, 0
for number = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  local id = string.format('%08d', number)
  local job = redis.call('HMGET', 'job:' .. id, 'status', 'error', 'finishedAt', 'userId', 'processingStartedAt')
  if job[1] == 'FAILED' and job[2] and job[3] then failed = failed + 1 end
  if redis.call('HEXISTS', 'user:' .. job[4] .. ':refunds', 'job:' .. id .. '@' .. job[5]) == 1 then paid = paid + 1 end
end
return {failed, paid}
