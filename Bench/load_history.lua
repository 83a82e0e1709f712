-- Purpose:    makes ended runs, with what they measured and one change of each, spread evenly over a day
-- KEYS:       runs, metrics, events
-- ARGV:       first number, count, all in all, now (ms)
-- Returns:    count
-- Complexity: O(count); the caller keeps the count small
local day = 86400000
for number = ARGV[1], ARGV[1] + ARGV[2] - 1 do
  local ended = ARGV[4] - day + math.floor(day * (number + 1) / (ARGV[3] + 1))
  local id, started = string.format('%.0f-1', ended), string.format('%.0f', ended - 40)
  local finished, run = string.format('%.0f', ended), 'stuck-jobs-' .. number
  redis.call('XADD', KEYS[1], id, 'run', run, 'cleanup', 'stuck-jobs', 'policy', 'stuck', 'instance', 'web-1-4711',
    'fence', number, 'trigger', 'schedule', 'dry_run', '0', 'status', 'completed', 'due_ms', started, 'started_ms',
    started, 'finished_ms', finished, 'found', number % 500, 'changed', number % 500, 'retried', '0', 'skipped', '0',
    'failed', '0', 'refunded', '270', 'bytes_freed', '0', 'error', '')
  redis.call('XADD', KEYS[2], id, 'kind', 'run', 'cleanup', 'stuck-jobs', 'run', run, 'duration_ms', '40', 'lag_ms',
    '3', 'oldest_overdue_ms', '0', 'drift', '0', 'found', number % 500, 'changed', number % 500, 'retried', '0',
    'skipped', '0', 'failed', '0', 'refunded', '270', 'bytes_freed', '0', 'backlog', number % 70)
  redis.call('XADD', KEYS[3], id, 'run', run, 'cleanup', 'stuck-jobs', 'record', string.format('%08d', number), 'key',
    string.format('job:%08d', number), 'action', 'fail', 'from', 'PROCESSING', 'to', 'FAILED', 'reason',
    'stuck in PROCESSING for 10m2s: processingStartedAt was 2026-01-02T03:04:05Z, timeout 5m', 'type', 'TIER_4K',
    'tokens', '10', 'bytes', '0', 'at_ms', finished, 'before',
    '{"status":"PROCESSING","curfew:after":{"finishedAt":"' .. finished .. '"}}')
end
return ARGV[2]
