-- Purpose:    counts the jobs that were counted as stalled once, with nothing else changed
-- KEYS:       none (it reads the keys of the given jobs)
-- ARGV:       first number, count, start of job 0 (ms; each later job started a millisecond earlier)
-- Returns:    jobs as they should be
-- Complexity: O(count)
local right = 0
for number = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  local key = 'bull:mail:' .. string.format('%d', number + 1)
  local started = string.format('%.0f', ARGV[3] - number)
  local job = redis.call('HMGET', key, 'stc', 'processedOn', 'timestamp', 'ats', 'progress')
  if job[1] == '1' and job[2] == started and job[3] == started and job[4] == '1' and job[5] == '42'
    and redis.call('HLEN', key) == 10 then
    right = right + 1
  end
end
return {right}
