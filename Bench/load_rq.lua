-- Purpose:    makes jobs as RQ leaves them when a worker dies: a hash, its key of executions, a member of the registry
-- KEYS:       registry
-- ARGV:       first number, count, start up to its seconds (2026-01-02T03:04:05.), score of the first member (s), 1 for
--             whole jobs, 0 for only the fields that decide about them, without a key of executions
-- Returns:    count
-- Complexity: O(count log N); the caller keeps the count small
local DATA = 'x\156`\157j\194\0\1\26=<E\133\241Y\249I\197z\197\57\249\229S\252|u\24[\167\212N\233a)H,'
  .. '\201\152\210\195Wll\165\175\159\148]\162\159\168\151\148\153\55\165\184d\138\30\0M\215\20\150'
local TTL = 86400 -- seconds: as in RQ it has one, and it outlives the benchmark
for number = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  local id = string.format('%08d-6d0e-4b5c-9f3a-%012d', number, number)
  local execution = string.format('%032x', number)
  local score = string.format('%.0f', ARGV[4] + number % 100)
  local started = string.format('%s%06dZ', ARGV[3], number % 1000000)
  local job = {'status', 'started', 'started_at', started, 'enqueued_at', started, 'last_heartbeat', started, 'origin',
    'default', 'worker_name', 'w' .. number % 100}
  if ARGV[5] == '1' then
    for _, word in ipairs({'created_at', started, 'data', DATA, 'description', 'jobs.slow(300, path=\'a.bin\')',
      'ended_at', '', 'failure_callback_name', '', 'group_id', '', 'stopped_callback_name', '',
      'success_callback_name', '', 'timeout', '180'}) do
      job[#job + 1] = word
    end
    redis.call('ZADD', 'rq:executions:' .. id, score, execution)
    redis.call('EXPIRE', 'rq:executions:' .. id, TTL)
  end
  redis.call('HSET', 'rq:job:' .. id, unpack(job))
  redis.call('ZADD', KEYS[1], score, id .. ':' .. execution)
end
return ARGV[2]
