--------------------------------------------------------------------------------------------------
-- Scans of the keyspace
--------------------------------------------------------------------------------------------------

-- How soon somebody asks again whether the keyspace may be scanned for a cleanup that is paused.
local PAUSED_SCAN_MS = 60000

-- Which server process this is: a cursor of SCAN means nothing to another one.
local function server_process()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end

-- What is kept of a scan. `fence` and `instance` are those of the caller, `given` what the caller says that the cursor
-- belongs to: '' is the process that answers; in a cluster the caller keeps a cursor for each process.
local function scan_of(key, fence, instance, given)
  local f = call('HMGET', key, 'fence', 'instance', 'lease_until_ms', 'cursor', 'started_ms', 'finished_ms',
    'next_ms', 'server', 'seen', 'added', 'keys')
  return {
    is_ours = f[1] == fence and f[2] == instance, instance = f[2], lease_until = number(f[3]), cursor = f[4],
    started = number(f[5]), finished = f[6], next = number(f[7]), saved_server = f[8],
    is_cluster = given ~= '', seen = f[9] or '0', added = f[10] or '0', keys = f[11] or '0',
  }
end

-- Which process the cursor of a scan must belong to, and whether the saved one does. INFO costs more than all else here:
-- it is asked only by those that scan.
local function server_of(known, given)
  local server = known.is_cluster and given or server_process()
  return server, known.saved_server == server
end

-- Purpose:    the lease of a scan of the keyspace, and how far it is. One scanner per cleanup at a time; the cursor stays
--             when it dies, so that another goes on there once its lease has run out.
-- KEYS:       scan:<cleanup>, paused
-- ARGV:       cleanup, instance, fence ('' = none held), lease ms, interval ms, what the cursor belongs to, and when a scan
--             is wanted: due (interval passed, or one was cut short) | now | first (none was ever finished)
-- Returns:    {'claimed', now, fence, cursor, seen, added, keys}
--             · {'held', now, ms until the lease ends, cursor, seen, added, keys}
--             · {'wait', now, ms until there may be something to scan}
-- Complexity: O(1)
local function scan_claim(KEYS, ARGV)
  local now = now_ms()
  local cleanup, instance, fence, lease_ms, interval, given, when = unpack(ARGV, 1, 7)
  lease_ms, interval = tonumber(lease_ms), tonumber(interval)
  local known = scan_of(KEYS[1], fence, instance, given)
  -- Asked before the lease: a run doesn't wait for a later scan that goes on beside it.
  if when == 'first' and known.finished then return {'wait', ms(now), ms(interval)} end
  -- One that ends later than any could was given before the clock stepped back.
  if known.instance and not known.is_ours and known.lease_until > now
    and known.lease_until <= now + 2 * lease_ms + STEP_MS then
    return {
      'held', ms(now), ms(known.lease_until - now), known.cursor or '0', known.seen, known.added, known.keys,
    }
  end
  local wait = 0
  local is_through = not known.cursor or known.cursor == '0'
  if when == 'due' and call('HEXISTS', KEYS[2], cleanup) == 1 then
    wait = PAUSED_SCAN_MS
  elseif when == 'due' and is_through and known.finished and known.started <= now + STEP_MS then
    -- One that began in the future was before the clock stepped back: nobody knows when the next is due, so it is now.
    wait = math.min(known.next - now, known.started + interval - now, interval)
  end
  if wait > 0 then return {'wait', ms(now), ms(wait)} end

  fence = ms(call('HINCRBY', KEYS[1], 'fence', 1))
  local cursor, seen, added, keys = known.cursor or '0', known.seen, known.added, known.keys
  local server, is_same_server = server_of(known, given)
  local is_odd = not known.is_cluster and (not string.match(cursor, '^%d+$') or #cursor > 19)
  if is_through or not is_same_server or is_odd then
    local size = not known.is_cluster and redis.pcall('DBSIZE')
    cursor, seen, added, keys = '0', '0', '0', type(size) == 'number' and ms(size) or '0'
    call('HSET', KEYS[1], 'started_ms', ms(now), 'server', server)
  end
  call('HSET', KEYS[1], 'instance', instance, 'lease_until_ms', ms(now + lease_ms), 'cursor', cursor,
    'seen', seen, 'added', added, 'keys', keys)
  return {'claimed', ms(now), fence, cursor, seen, added, keys}
end

-- Purpose:    saves how far a scan is, and extends its lease, ends it or gives it back.
-- KEYS:       scan:<cleanup>
-- ARGV:       cleanup, instance, fence, lease ms, interval ms, what the cursor belongs to, step: save | finish | release,
--             cursor, seen, added, number of keys ('' = as it was), wake channel ('' but for release)
-- Returns:    'ok' · 'lost' (another scanner has the lease)
--             · 'restarted' (Redis is another process: the scan begins anew under the same lease)
-- Complexity: O(1)
local function scan_report(KEYS, ARGV)
  local now = now_ms()
  local cleanup, instance, fence, lease_ms, interval, given = unpack(ARGV, 1, 6)
  local step, cursor, seen, added, keys, wake = unpack(ARGV, 7, 12)
  local known = scan_of(KEYS[1], fence, instance, given)
  if not known.is_ours then return 'lost' end
  local answer = 'ok'
  local server, is_same_server = server_of(known, given)
  if not is_same_server then cursor, seen, answer = '0', '0', 'restarted' end
  call('HSET', KEYS[1], 'cursor', cursor, 'seen', seen, 'added', added, 'server', server,
    'lease_until_ms', ms(now + tonumber(lease_ms)))
  if keys ~= '' then call('HSET', KEYS[1], 'keys', keys) end
  local is_through = step == 'finish' and answer == 'ok'
  if is_through then
    call('HSET', KEYS[1], 'finished_ms', ms(now), 'next_ms', ms(known.started + tonumber(interval)))
  end
  if step == 'release' or is_through then call('HDEL', KEYS[1], 'instance', 'lease_until_ms') end
  if step == 'release' then call('PUBLISH', wake, cleanup) end
  return answer
end

offer('curfew_scan_claim', scan_claim, 'allow-oom')
offer('curfew_scan_report', scan_report, 'allow-oom')
