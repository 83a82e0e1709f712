-- Purpose:    makes jobs that are being processed, as small as they can be, in no index
-- KEYS:       none; a cluster is not supported
-- ARGV:       first number, count, start of job 0 (ms; each later job started a millisecond earlier)
-- Returns:    count
-- Complexity: O(count); the caller keeps the count small
for number = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  redis.call('HSET', string.format('job:%08d', number), 'status', 'PROCESSING', 'processingStartedAt',
    string.format('%.0f', ARGV[3] - number))
end
return ARGV[2]
