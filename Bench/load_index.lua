-- Purpose:    enters ids in an index, without records
-- KEYS:       index
-- ARGV:       first number, count, deadline of the first id (ms; each later id a millisecond later)
-- Returns:    count
-- Complexity: O(count log N); the caller keeps the count small
for number = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  redis.call('ZADD', KEYS[1], string.format('%.0f', ARGV[3] + number), string.format('%08d', number))
end
return ARGV[2]
