-- Purpose:    counts the jobs that were moved to the trash as they should be, each with its log
-- KEYS:       none (it reads the keys of the given jobs)
-- ARGV:       first number, count
-- Returns:    jobs gone with their logs, jobs in the trash until they expire, logs in the trash until they expire
-- Complexity: O(count)
local gone, jobs, logs = 0, 0, 0
for number = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  local key = 'job:' .. string.format('%08d', number)
  local log = key .. ':log'
  if redis.call('EXISTS', key, log) == 0 then gone = gone + 1 end
  local trash, log_trash = 'curfew:trash:old-jobs-1:{' .. key .. '}', 'curfew:trash:old-jobs-1:{' .. log .. '}'
  if redis.call('HLEN', trash) == 8 and redis.call('PTTL', trash) > 0 then jobs = jobs + 1 end
  if redis.call('LLEN', log_trash) == 3 and redis.call('PTTL', log_trash) > 0 then logs = logs + 1 end
end
return {gone, jobs, logs}
