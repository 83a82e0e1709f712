-- Purpose:    counts the jobs that were recovered as they should be, and what they left in the trash
-- KEYS:       none (it reads the keys of the given jobs)
-- ARGV:       first number, count, start up to its seconds (2026-01-02T03:04:05.), earliest time of a recovery (in the
--             same form), prefix of the keys in the trash
-- Returns:    jobs queued anew with nothing else changed, jobs without their key of executions, those keys in the trash
-- Complexity: O(count)
local queued, gone, trashed = 0, 0, 0
for number = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  local id = string.format('%08d-6d0e-4b5c-9f3a-%012d', number, number)
  local started = string.format('%s%06dZ', ARGV[3], number % 1000000)
  local key, executions = 'rq:job:' .. id, 'rq:executions:' .. id
  local job = redis.call('HMGET', key, 'status', 'worker_name', 'enqueued_at', 'started_at', 'last_heartbeat',
    'created_at', 'origin', 'timeout')
  local again = job[3] or ''
  local is_time = string.match(again, '^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%d%.?%d*Z$') and again >= ARGV[4]
  if job[1] == 'queued' and job[2] == '' and is_time
    and job[4] == started and job[5] == started and job[6] == started and job[7] == 'default' and job[8] == '180'
    and redis.call('HSTRLEN', key, 'data') == 66 and redis.call('HLEN', key) == 15 then
    queued = queued + 1
  end
  if redis.call('EXISTS', executions) == 0 then gone = gone + 1 end
  local trash = ARGV[5] .. '{' .. executions .. '}'
  if redis.call('ZSCORE', trash, string.format('%032x', number)) and redis.call('PTTL', trash) > 0 then
    trashed = trashed + 1
  end
end
return {queued, gone, trashed}
