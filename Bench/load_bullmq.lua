-- Purpose:    makes jobs as BullMQ leaves them when a worker dies: a hash and an entry of the list of active jobs
-- KEYS:       list of active jobs
-- ARGV:       first number, count, start of job 0 (ms; each later job started a millisecond earlier)
-- Returns:    count
-- Complexity: O(count); the caller keeps the count small
for number = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  local id = string.format('%d', number + 1)
  local started = string.format('%.0f', ARGV[3] - number)
  redis.call('HSET', 'bull:mail:' .. id, 'name', 'slow', 'data',
    '{"file":"s3://bkt/a.bin","nested":{"tmp":["/spool/a"]}}', 'opts', '{"attempts":3,"delay":0}',
    'timestamp', started, 'delay', '0', 'priority', '0', 'ats', '1', 'processedOn', started, 'progress', '42')
  -- A job that is taken comes to the head, so the oldest is at the tail; here the newest is made first.
  redis.call('RPUSH', KEYS[1], id)
end
return ARGV[2]
