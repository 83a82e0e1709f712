#!lua name=curfew
-- Curfew's Redis functions. All domain logic lives in Swift; what is here is what must be atomic.
-- The version is compared by curfew_version: an older library never replaces a newer one.
local VERSION = 3

-- How a call of curfew_commit is written. An instance that writes it in another way is refused, not misunderstood.
local FORMAT = 'format-2'

-- Bounds: no call may walk further than this, whatever it is given.
local MOST_OVERDUE = 100
local MOST_ROWS = 200

-- How soon somebody asks again whether the keyspace may be scanned for a cleanup that is paused.
local PAUSED_SCAN_MS = 60000

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Milliseconds as text. Lua would write a large number as 1.7e+12.
local function ms(number)
  return string.format('%.0f', number)
end

-- Lua has one false for "no such member" and "no such field"; a missing number counts as 0.
local function number(reply)
  return tonumber(reply) or 0
end

local function version()
  return VERSION
end

local function wrong_type(key, needed)
  local reply = redis.pcall('TYPE', key)
  local found = reply.ok
  if reply.err then return reply.err end
  if found == 'none' or found == needed then return nil end
  return 'WRONGTYPE ' .. key .. ' is a ' .. found .. ': expected a ' .. needed
end

--------------------------------------------------------------------------------------------------
-- Coordination: schedule, lease, fence
--------------------------------------------------------------------------------------------------

-- One entry of the history. `fields` is a flat list of names and values.
local function add_run(stream, length, fields)
  redis.call('XADD', stream, 'MAXLEN', '~', length, '*', unpack(fields))
end

-- The run whose lease ran out is closed in the history as lost, with what its last renewal reported.
local function add_lost(runs, length, lease, cleanup, policy, now)
  local f = redis.call('HMGET', lease, 'run', 'instance', 'fence', 'trigger', 'dry_run', 'due_ms', 'acquired_ms',
    'found', 'changed', 'retried', 'skipped', 'failed', 'refunded')
  add_run(runs, length, {
    'run', f[1] or '', 'cleanup', cleanup, 'policy', policy, 'instance', f[2] or '', 'fence', f[3] or '',
    'trigger', f[4] or '', 'dry_run', f[5] or '0', 'status', 'lost', 'due_ms', f[6] or '', 'started_ms', f[7] or '',
    'finished_ms', ms(now), 'found', f[8] or '0', 'changed', f[9] or '0', 'retried', f[10] or '0',
    'skipped', f[11] or '0', 'failed', f[12] or '0', 'refunded', f[13] or '0', 'bytes_freed', '0',
    'error', 'the lease ran out before the run finished',
  })
  return f[1] or ''
end

-- Purpose:    says that an instance lives, puts the cleanups it knows on the schedule, and claims at most one that is
--             due (or, with `only`, that one, due or not). A claim is lease + fence + schedule score in one step.
-- KEYS:       schedule, fence, instances, instance:<id>, paused, runs, metrics, then lease:<cleanup> per known cleanup
-- ARGV:       instance, lease ms, heartbeat ms, free places, trigger, only ('' = what is due), stream length, count n of
--             instance fields (0 = no heartbeat), n names and values, count m of metric fields (0 = no entry), m names
--             and values, then per known cleanup: name, policy, dry run (0|1), every ms (0 = cron), next occurrence ms
--             (cron)
-- Returns:    a flat list of names and values: version, now, sleep (ms), overdue (list of cleanup, ms), and one of
--             claim (with run, fence, due, late (ms since it could be claimed), lost) · held (with holder, run, until)
--             · paused (the JSON)
-- Complexity: O(C log C) for C known cleanups
local function tick(KEYS, ARGV)
  local now = now_ms()
  local schedule, fences, instances, paused, runs = KEYS[1], KEYS[2], KEYS[3], KEYS[5], KEYS[6]
  local instance, lease_ms, heartbeat_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
  local places, trigger, only, length = tonumber(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]
  local a = 8

  local count = tonumber(ARGV[a]) * 2
  if count > 0 then
    redis.call('ZADD', instances, now, instance)
    redis.call('ZREMRANGEBYSCORE', instances, '-inf', now - 86400000)
    redis.call('HSET', KEYS[4], unpack(ARGV, a + 1, a + count))
    redis.call('PEXPIRE', KEYS[4], math.max(3 * heartbeat_ms, lease_ms))
  end
  a = a + count + 1
  count = tonumber(ARGV[a]) * 2
  if count > 0 then
    redis.call('XADD', KEYS[7], 'MAXLEN', '~', length, '*', unpack(ARGV, a + 1, a + count))
  end
  a = a + count + 1

  local best, sleep = nil, heartbeat_ms
  local overdue = {}
  local known = {}
  local k = 8
  while a <= #ARGV do
    local entry = {name = ARGV[a], policy = ARGV[a + 1], dry_run = ARGV[a + 2], lease = KEYS[k]}
    local every, occurrence = tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4])
    a = a + 5
    k = k + 1
    known[entry.name] = true
    local held = redis.call('HMGET', entry.lease, 'run', 'due_ms', 'acquired_ms')
    local first, latest = occurrence, occurrence
    if every > 0 then
      first, latest = now, now + every
    end
    entry.score = tonumber(redis.call('ZSCORE', schedule, entry.name) or nil)
    if entry.score == nil or (not held[1] and entry.score > latest) then
      entry.score = entry.score == nil and first or latest
      if only == '' or only == entry.name then
        redis.call('ZADD', schedule, ms(entry.score), entry.name)
      end
    end
    entry.run = held[1]
    entry.due = held[1] and number(held[2]) or entry.score
    entry.paused = redis.call('HEXISTS', paused, entry.name) == 1
    if only ~= '' then
      if entry.name == only then best = entry end
    elseif not entry.paused then
      if entry.score > now then
        sleep = math.min(sleep, entry.score - now)
        if entry.run and number(held[3]) > entry.due then
          overdue[#overdue + 1] = entry.name
          overdue[#overdue + 1] = ms(number(held[3]) - entry.due)
        end
      else
        if now > entry.due then
          overdue[#overdue + 1] = entry.name
          overdue[#overdue + 1] = ms(now - entry.due)
        end
        if places > 0 and (best == nil or entry.score < best.score) then best = entry end
      end
    end
  end

  -- What nobody here knows is watched over all the same: every instance answers for every cleanup.
  if only == '' then
    for _, name in ipairs(redis.call('ZRANGEBYSCORE', schedule, '-inf', now, 'LIMIT', 0, MOST_OVERDUE)) do
      if not known[name] and redis.call('HEXISTS', paused, name) == 0 then
        overdue[#overdue + 1] = name
        overdue[#overdue + 1] = ms(now - number(redis.call('ZSCORE', schedule, name)))
      end
    end
  end

  local answer = {'version', VERSION, 'now', ms(now), 'sleep', ms(math.max(1, sleep)), 'overdue', overdue}
  local function add(name, value)
    answer[#answer + 1] = name
    answer[#answer + 1] = value
  end
  if best == nil then return answer end
  -- Undoing is what one pauses for: it may be done meanwhile.
  if best.paused and trigger ~= 'undo' then
    add('paused', redis.call('HGET', paused, best.name) or '')
    return answer
  end
  if best.run and best.score > now then
    local holder = redis.call('HMGET', best.lease, 'instance', 'run')
    add('held', best.name)
    add('holder', holder[1] or '')
    add('run', holder[2] or '')
    add('until', ms(best.score))
    return answer
  end

  local lost = ''
  if best.run then
    lost = add_lost(runs, length, best.lease, best.name, best.policy, now)
  end
  local fence = ms(redis.call('HINCRBY', fences, best.name, 1))
  local run = best.name .. '-' .. fence
  redis.call('DEL', best.lease)
  redis.call('HSET', best.lease, 'instance', instance, 'run', run, 'fence', fence, 'acquired_ms', ms(now),
    'renewed_ms', ms(now), 'due_ms', ms(best.due), 'trigger', trigger, 'dry_run', best.dry_run, 'found', '0',
    'changed', '0', 'failed', '0', 'progress', '0', 'step', 'claimed')
  redis.call('ZADD', schedule, ms(now + lease_ms), best.name)
  add('claim', best.name)
  add('run', run)
  add('fence', fence)
  add('due', ms(best.due))
  add('late', ms(math.max(0, now - best.score)))
  add('lost', lost)
  return answer
end

-- Purpose:    curfew_tick for one cleanup that somebody asks for, with an entry in the events that says who.
-- KEYS:       events, then those of curfew_tick
-- ARGV:       count n of words, n names and values of the entry (the run comes before them, at_ms after), then those of
--             curfew_tick
-- Returns:    what curfew_tick returns, or an error where the events are no stream
-- Complexity: that of curfew_tick
local function claim(KEYS, ARGV)
  -- Asked first: a claim that can't be noted must not be made.
  local wrong = wrong_type(KEYS[1], 'stream')
  if wrong then return redis.error_reply(wrong) end
  local count = tonumber(ARGV[1])
  local event, arguments = {unpack(ARGV, 2, count + 1)}, {unpack(ARGV, count + 2)}
  local answer = tick({unpack(KEYS, 2)}, arguments)
  for place = 1, #answer, 2 do
    if answer[place] == 'claim' then
      event[count + 1], event[count + 2] = 'at_ms', answer[4]
      redis.call('XADD', KEYS[1], 'MAXLEN', '~', arguments[7], '*', 'run', answer[place + 3], unpack(event))
    end
  end
  return answer
end

-- Purpose:    extends exactly this lease and reports the run's progress. A lease that ran out is lost, taken or not.
-- KEYS:       schedule, lease:<cleanup>
-- ARGV:       cleanup, fence, lease ms, then names and values for the lease's hash
-- Returns:    'lost', or the cancel request ('' = none)
-- Complexity: O(log C)
local function renew(KEYS, ARGV)
  local now = now_ms()
  if redis.call('HGET', KEYS[2], 'fence') ~= ARGV[2] then return 'lost' end
  if number(redis.call('ZSCORE', KEYS[1], ARGV[1])) <= now then return 'lost' end
  redis.call('HSET', KEYS[2], 'renewed_ms', ms(now), unpack(ARGV, 4))
  redis.call('ZADD', KEYS[1], ms(now + tonumber(ARGV[3])), ARGV[1])
  return redis.call('HGET', KEYS[2], 'cancel') or ''
end

-- Purpose:    ends a run: history, metrics, next due time, release of the lease. Streams are trimmed by age here.
-- KEYS:       schedule, lease:<cleanup>, runs, metrics, events, alerts, then the hashes of the alerts on this cleanup
-- ARGV:       cleanup, fence, next due ms ('now' = at once, and wake the others), wake channel, stream length,
--             age ms of runs, metrics, events, alerts, count n of run fields, n names and values,
--             count m of metric fields, m names and values
-- Returns:    {'ok', then definition, state and since of each alert, '' where unknown},
--             or {'lost'} where the lease is no longer this one
-- Complexity: O(log C + alerts); the trimming is approximate and bounded by Redis
local function finish(KEYS, ARGV)
  local now = now_ms()
  if redis.call('HGET', KEYS[2], 'fence') ~= ARGV[2] then return {'lost'} end
  local length = ARGV[5]
  local a = 10
  local count = tonumber(ARGV[a]) * 2
  add_run(KEYS[3], length, {unpack(ARGV, a + 1, a + count)})
  a = a + count + 1
  count = tonumber(ARGV[a]) * 2
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', length, '*', unpack(ARGV, a + 1, a + count))
  for stream = 3, 6 do
    redis.call('XTRIM', KEYS[stream], 'MINID', '~', ms(math.max(0, now - tonumber(ARGV[stream + 3]))))
  end
  redis.call('DEL', KEYS[2])
  if ARGV[3] == 'now' then
    redis.call('ZADD', KEYS[1], ms(now), ARGV[1])
    redis.call('PUBLISH', ARGV[4], ARGV[1])
  else
    redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
  end
  local answer = {'ok'}
  for alert = 7, #KEYS do
    local known = redis.call('HMGET', KEYS[alert], 'definition', 'state:' .. ARGV[1], 'since_ms:' .. ARGV[1])
    for field = 1, 3 do answer[#answer + 1] = known[field] or '' end
  end
  return answer
end

-- Which server process this is: a cursor of SCAN means nothing to another one.
local function server_process()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end

-- Purpose:    the lease of a scan of the keyspace, and how far it is. One scanner per cleanup at a time; the cursor stays
--             when it dies, so that another goes on there once its lease has run out.
-- KEYS:       scan:<cleanup>, paused
-- ARGV:       step, cleanup, instance, fence ('' = none held), lease ms, interval ms, then
--             claim: due (interval passed, or one was cut short) | now | first (none was ever finished), then what the
--             cursor belongs to ('' = the process that answers; in a cluster the caller keeps one for each process)
--             save, finish, release: cursor, seen, added, wake channel ('' but for release), what the cursor belongs to,
--             number of keys ('' = as it was)
-- Returns:    claim: {'claimed', now, fence, cursor, seen, added, keys}
--                    · {'held', now, ms until the lease ends, cursor, seen, added, keys}
--                    · {'wait', now, ms until there may be something to scan}
--             others: 'ok' · 'lost' (another scanner has the lease)
--                    · 'restarted' (Redis is another process: the scan begins anew under the same lease)
-- Complexity: O(1)
local function scan(KEYS, ARGV)
  local now = now_ms()
  local step, fence = ARGV[1], ARGV[4]
  local lease_ms, interval = tonumber(ARGV[5]), tonumber(ARGV[6])
  local f = redis.call('HMGET', KEYS[1], 'fence', 'instance', 'lease_until_ms', 'cursor', 'started_ms', 'finished_ms',
    'next_ms', 'server', 'seen', 'added', 'keys')
  local is_ours = f[2] and f[1] == fence
  local server = step == 'claim' and ARGV[8] or ARGV[11] or ''
  local is_cluster = server ~= ''
  if not is_cluster then server = server_process() end

  if step ~= 'claim' then
    if not is_ours then return 'lost' end
    local cursor, seen, answer = ARGV[7], ARGV[8], 'ok'
    if f[8] ~= server then
      cursor, seen, answer = '0', '0', 'restarted'
    end
    redis.call('HSET', KEYS[1], 'cursor', cursor, 'seen', seen, 'added', ARGV[9], 'server', server,
      'lease_until_ms', ms(now + lease_ms))
    if ARGV[12] and ARGV[12] ~= '' then redis.call('HSET', KEYS[1], 'keys', ARGV[12]) end
    if step == 'finish' and answer == 'ok' then
      redis.call('HSET', KEYS[1], 'finished_ms', ms(now), 'next_ms', ms(number(f[5]) + interval))
    end
    if step == 'release' or (step == 'finish' and answer == 'ok') then
      redis.call('HDEL', KEYS[1], 'instance', 'lease_until_ms')
    end
    if step == 'release' then redis.call('PUBLISH', ARGV[10], ARGV[2]) end
    return answer
  end

  local when = ARGV[7]
  -- Asked before the lease: a run doesn't wait for a later scan that goes on beside it.
  if when == 'first' and f[6] then return {'wait', ms(now), ms(interval)} end
  if f[2] and not is_ours and number(f[3]) > now then
    return {'held', ms(now), ms(number(f[3]) - now), f[4] or '0', f[9] or '0', f[10] or '0', f[11] or '0'}
  end
  local wait = 0
  local is_through = not f[4] or f[4] == '0'
  if when == 'due' and redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then
    wait = PAUSED_SCAN_MS
  elseif when == 'due' and is_through and f[6] then
    wait = math.min(number(f[7]), number(f[5]) + interval) - now
  end
  if wait > 0 then return {'wait', ms(now), ms(wait)} end

  fence = ms(redis.call('HINCRBY', KEYS[1], 'fence', 1))
  local cursor, seen, added, keys = f[4] or '0', f[9] or '0', f[10] or '0', f[11] or '0'
  local is_odd = not is_cluster and (not string.match(cursor, '^%d+$') or #cursor > 19)
  if is_through or f[8] ~= server or is_odd then
    local size = not is_cluster and redis.pcall('DBSIZE')
    cursor, seen, added, keys = '0', '0', '0', type(size) == 'number' and ms(size) or '0'
    redis.call('HSET', KEYS[1], 'started_ms', ms(now), 'server', server)
  end
  redis.call('HSET', KEYS[1], 'instance', ARGV[3], 'lease_until_ms', ms(now + lease_ms), 'cursor', cursor,
    'seen', seen, 'added', added, 'keys', keys)
  return {'claimed', ms(now), fence, cursor, seen, added, keys}
end

--------------------------------------------------------------------------------------------------
-- Commit
--------------------------------------------------------------------------------------------------

-- The type a command needs at its key. A command that is not here (DEL, TRASH) takes any.
local NEEDS = {
  HSET = 'hash', HDEL = 'hash', HINCRBY = 'hash', INCRBY = 'string', SET = 'string', LPUSH = 'list', RPUSH = 'list',
  LREM = 'list', XADD = 'stream', ZADD = 'zset', ZREM = 'zset',
}

-- Guards that read a key with a command of one type prove its type on the way.
local PROVES = {equals = 'hash', differs = 'hash', absent = 'hash', text = 'string', holds = 'list'}

-- What a guard that doesn't hold answers: false where what was read has changed, or the text of an error reply.
local function changed(found)
  if type(found) == 'table' then return found.err end
  return false
end

-- Each guard returns nil where it holds. What is usual is compared first: an error is a table, and equals no text.
local GUARDS = {
  equals = function(key, field, value)
    local found = redis.pcall('HGET', key, field)
    if found ~= value then return changed(found) end
  end,
  differs = function(key, field, value)
    local found = redis.pcall('HGET', key, field)
    if found == value or type(found) == 'table' then return changed(found) end
  end,
  absent = function(key, field)
    local found = redis.pcall('HEXISTS', key, field)
    if found ~= 0 then return changed(found) end
  end,
  text = function(key, _, value)
    local found = redis.pcall('GET', key)
    if found ~= value then return changed(found) end
  end,
  exists = function(key)
    local found = redis.pcall('EXISTS', key)
    if found ~= 1 then return changed(found) end
  end,
  missing = function(key)
    local found = redis.pcall('EXISTS', key)
    if found ~= 0 then return changed(found) end
  end,
  score = function(key, member, value)
    local found = redis.pcall('ZSCORE', key, member)
    if found ~= value then return changed(found) end
  end,
  -- A list is walked from its end, and no further than a short call allows.
  holds = function(key, _, value)
    local found = redis.pcall('LPOS', key, value, 'RANK', -1, 'MAXLEN', 1000)
    if type(found) ~= 'number' then return changed(found) end
  end,
}

-- Reads one statement: what many changes of a call have in common, with holes for what differs.
-- `first`: how many words of KEYS stand before the call's keys.
-- `key` numbers: 0, 1, … the change's own keys; -1, -2, … the call's shared keys.
-- `from` numbers: 1, 2, … the change's values; -1, -2, … its own keys, as values; 0 nothing.
local function read_statement(KEYS, first, ARGV, a)
  local statement = {
    keys = tonumber(ARGV[a]), index = ARGV[a + 1], values = tonumber(ARGV[a + 2]), guards = {}, writes = {},
  }
  local proven = {}
  local count = tonumber(ARGV[a + 3])
  a = a + 4
  for g = 1, count do
    local guard = {
      check = GUARDS[ARGV[a]], key = tonumber(ARGV[a + 1]), field = ARGV[a + 2], value = ARGV[a + 3],
      field_from = tonumber(ARGV[a + 4]), value_from = tonumber(ARGV[a + 5]),
    }
    if guard.key < 0 then guard.shared = KEYS[first + 2 - guard.key] end
    proven[guard.key] = PROVES[ARGV[a]]
    statement.guards[g] = guard
    a = a + 6
  end
  count = tonumber(ARGV[a])
  a = a + 1
  local may_fail = 1
  for w = 1, count do
    local write = {key = tonumber(ARGV[a]), args = {}, places = {}, froms = {}}
    local args, holes = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2])
    a = a + 3
    for i = 1, args do write.args[i] = ARGV[a]; a = a + 1 end
    for i = 1, holes do
      write.places[i], write.froms[i] = tonumber(ARGV[a]), tonumber(ARGV[a + 1])
      a = a + 2
    end
    if w == 1 and write.args[1] == 'HSETNX' then may_fail = 2 end
    local needed = NEEDS[write.args[1]]
    if write.key < 0 then
      write.args[2] = KEYS[first + 2 - write.key]
      if needed then statement.refused = statement.refused or wrong_type(write.args[2], needed) end
    elseif needed and w > may_fail and proven[write.key] ~= needed then
      write.needed = needed
      statement.needs_types = true
    end
    statement.writes[w] = write
  end
  return statement, a
end

-- Whether the change whose values follow ARGV[a], and whose keys begin at KEYS[k] may be made: nil, or why not.
local function refusal(statement, KEYS, k, ARGV, a)
  if statement.refused then return statement.refused end
  local guards = statement.guards
  for g = 1, #guards do
    local guard = guards[g]
    local field, value = guard.field, guard.value
    if guard.field_from > 0 then field = ARGV[a + guard.field_from] end
    if guard.value_from > 0 then value = ARGV[a + guard.value_from] end
    local held = guard.check(guard.shared or KEYS[k + guard.key], field, value)
    if held == false then return g end
    if held ~= nil then return held end
  end
  if statement.needs_types then
    for _, write in ipairs(statement.writes) do
      local wrong = write.needed and wrong_type(KEYS[k + write.key], write.needed)
      if wrong then return wrong end
    end
  end
  return nil
end

-- The words of one write of a change: what the statement has, with the holes filled.
local function words(write, KEYS, k, ARGV, a)
  local args, places, froms = write.args, write.places, write.froms
  if write.key >= 0 then args[2] = KEYS[k + write.key] end
  for h = 1, #places do
    local from = froms[h]
    if from > 0 then args[places[h]] = ARGV[a + from] else args[places[h]] = KEYS[k - from - 1] end
  end
  return args
end

-- TRASH key trash ms: what is at the key is moved to the trash key until that expires; nothing where there is nothing.
-- What expires by itself has its time kept beside it, at <trash>:expires, so that it can be put back as it was.
-- Returns the error reply of a move that was refused.
local function move_to_trash(args)
  local moved = redis.pcall('RENAME', args[2], args[3])
  if moved.err then
    if string.find(moved.err, 'no such key', 1, true) then return nil end
    return moved
  end
  if redis.call('PEXPIRE', args[3], args[4], 'NX') == 1 then return nil end
  local expires = redis.call('PEXPIRETIME', args[3])
  redis.call('PEXPIRE', args[3], args[4])
  redis.call('SET', args[3] .. ':expires', ms(expires), 'PX', args[4])
  return nil
end

-- Whether the user may do all that a change does: nil, or what is missing. Rights are the same for all changes of a
-- statement, whose keys are of the same kinds, so the first change of each answers for the others.
local function forbidden(statement, KEYS, k, ARGV, a)
  for _, write in ipairs(statement.writes) do
    local args = words(write, KEYS, k, ARGV, a)
    local is_allowed
    if args[1] == 'TRASH' then
      is_allowed = redis.acl_check_cmd('RENAME', args[2], args[3]) and redis.acl_check_cmd('PEXPIRE', args[3], args[4])
        and redis.acl_check_cmd('PEXPIRETIME', args[3]) and redis.acl_check_cmd('SET', args[3], '')
    else
      is_allowed = redis.acl_check_cmd(unpack(args))
    end
    if not is_allowed then
      return 'NOPERM this user has no right to ' .. args[1] .. ' at ' .. args[2]
    end
  end
  statement.is_allowed = true
  return nil
end

-- Makes a change that may be made: nil, or why its first write was refused. A first write that is HSETNX is a guard as
-- well: 0 where the field was there. The write after it may fail too, because HDEL takes the HSETNX back exactly.
local function make(statement, KEYS, k, ARGV, a)
  local call = redis.call
  local writes = statement.writes
  if not statement.is_allowed then
    local why = forbidden(statement, KEYS, k, ARGV, a)
    if why ~= nil then return why end
  end
  local once
  for w = 1, #writes do
    local args = words(writes[w], KEYS, k, ARGV, a)
    local may_fail = w == 1 or (w == 2 and once)
    local reply
    if args[1] == 'TRASH' then
      reply = move_to_trash(args)
    elseif may_fail then
      reply = redis.pcall(unpack(args))
    else
      call(unpack(args))
    end
    if type(reply) == 'table' and reply.err then
      if not may_fail then error(reply.err) end
      if once then call('HDEL', once[2], once[3]) end
      return reply.err
    end
    if w == 1 and args[1] == 'HSETNX' then
      if reply == 0 then return 0 end
      once = args
    end
  end
  return nil
end

-- What curfew_commit and curfew_commit_node do, wherever in the call their keys and words begin: `first` words stand
-- before the keys, `before` before the others.
local function carry_out(KEYS, first, ARGV, before)
  if ARGV[before + 1] ~= FORMAT then
    return redis.error_reply('ERR this library takes ' .. FORMAT .. ', the instance is of another version: update it')
  end
  local index = KEYS[first + 2]
  if ARGV[before + 2] ~= '' then
    local fence = redis.call('HGET', KEYS[first + 1], 'fence')
    if fence ~= ARGV[before + 2] then return {'fenced', fence or ''} end
  end
  local k = first + 3 + tonumber(ARGV[before + 3])
  local statements = {}
  local a = before + 5
  local wrong_index = index ~= '' and wrong_type(index, 'zset') or nil
  for s = 1, tonumber(ARGV[before + 4]) do
    local statement
    statement, a = read_statement(KEYS, first, ARGV, a)
    if statement.index ~= 'none' then statement.refused = statement.refused or wrong_index end
    statements[tostring(s)] = statement
  end

  local removed, scored, answer = {}, {}, {'ok'}
  local count, position = #ARGV, 0
  while a <= count do
    local statement, changes = statements[ARGV[a]], tonumber(ARGV[a + 1])
    -- Values are counted from 1, so `a` stands right before the first.
    a = a + 1
    for _ = 1, changes do
      position = position + 1
      local why = refusal(statement, KEYS, k, ARGV, a)
      if why == nil then why = make(statement, KEYS, k, ARGV, a) end
      if why ~= nil then
        answer[#answer + 1] = position
        answer[#answer + 1] = why
      elseif statement.index == 'remove' then
        removed[#removed + 1] = ARGV[a + 1]
      elseif statement.index == 'score' then
        scored[#scored + 1] = ARGV[a + 2]
        scored[#scored + 1] = ARGV[a + 1]
      end
      a = a + statement.values
      k = k + statement.keys
    end
    a = a + 1
  end

  -- The index last. It is only a hint: an entry that is left is looked at again, one that is missing is not.
  if #removed > 0 then redis.call('ZREM', index, unpack(removed)) end
  if #scored > 0 then redis.call('ZADD', index, unpack(scored)) end
  return answer
end

-- Purpose:    compare-and-commit of many changes in one round trip. Each change has guards (what was read is still so)
--             and writes (plain Redis commands): all its guards hold, or nothing of it is written. Each stands or falls
--             alone. The fence is checked once for the call.
--             A write that fails in the middle could not be taken back, so the type of every key is known before the
--             first write: proven by a guard, checked once for shared keys, else checked here. Only the first write of
--             a change may fail on its value (INCRBY of something that isn't a number): then nothing is written. Where
--             the first is HSETNX (a refund's ledger entry), that goes for the second, and the first is taken back.
-- KEYS:       lease:<cleanup>, index, n shared keys, then each change's own keys, one after the other
-- ARGV:       format, fence ('' = none), n, number of statements, the statements, the changes in runs of one statement:
--             statement: number of own keys · index (remove | score | none) · number of values
--                        · number of guards, each: check, key, field, value, from of the field, from of the value
--                        · number of writes, each: key, number of arguments, number of holes, arguments (the first is the
--                          command, the second stands for the key), holes: place and from of each
--             run:       number of its statement, number of changes, the values of each: the index member, [the score,
--                        where index = score], …
-- Returns:    {'fenced', fence that is current}, or {'ok', position, why, position, why, …} with an entry for each change
--             that was not made: why = number of the guard that did not hold (0: HSETNX found its field), or the error
--             text of a refused one
-- Complexity: O(changes × their commands); the caller keeps a call near a millisecond
local function commit(KEYS, ARGV)
  return carry_out(KEYS, 0, ARGV, 0)
end

-- Purpose:    curfew_commit for one node of a Cluster: a page has records in hundreds of slots, and a call declares keys
--             of one. So no key is declared here, and each change keeps to the keys of one slot. A slot that is not here,
--             or just moving away, is met with a guard or with the write that may fail, before anything is written: the
--             caller sends that change alone, with its keys declared, to be told where they are.
-- KEYS:       none
-- ARGV:       number of keys, the keys ('' for lease and index), then as curfew_commit
-- Returns:    as curfew_commit; why is Redis's “Script attempted to …” where a key was not to be had here
-- Complexity: that of curfew_commit
local function commit_node(_, ARGV)
  return carry_out(ARGV, 1, ARGV, tonumber(ARGV[1]) + 1)
end

--------------------------------------------------------------------------------------------------
-- For people
--------------------------------------------------------------------------------------------------

local function span(milliseconds)
  local seconds = math.floor(math.abs(milliseconds) / 1000)
  if seconds < 60 then return seconds .. 's' end
  if seconds < 3600 then return string.format('%dm%02ds', math.floor(seconds / 60), seconds % 60) end
  if seconds < 172800 then return string.format('%dh%02dm', math.floor(seconds / 3600), math.floor(seconds / 60) % 60) end
  return math.floor(seconds / 86400) .. 'd'
end

-- Purpose:    schedule, leases and instances as rows that read well in redis-cli
-- KEYS:       schedule (the other keys have its prefix, and so its slot)
-- ARGV:       none
-- Returns:    a list of lines
-- Complexity: O(rows), at most 200 of each kind
local function overview(KEYS)
  local now = now_ms()
  local prefix = string.sub(KEYS[1], 1, -(#'schedule' + 1))
  local rows = {}
  local scheduled = redis.call('ZRANGE', KEYS[1], 0, MOST_ROWS - 1, 'WITHSCORES')
  for i = 1, #scheduled, 2 do
    local name, score = scheduled[i], tonumber(scheduled[i + 1])
    local state
    local lease = redis.call('HMGET', prefix .. 'lease:' .. name, 'run', 'instance', 'progress', 'step')
    if lease[1] and score > now then
      state = string.format('running    %s on %s, %s%% (%s), lease ends in %s', lease[1], lease[2] or '?',
        lease[3] or '0', lease[4] or '', span(score - now))
    elseif lease[1] then
      state = string.format('lease lost %s of %s, %s ago', lease[1], lease[2] or '?', span(now - score))
    elseif redis.call('HEXISTS', prefix .. 'paused', name) == 1 then
      state = 'paused     ' .. (redis.call('HGET', prefix .. 'paused', name) or '')
    elseif score > now then
      state = 'due in     ' .. span(score - now)
    else
      state = 'overdue by ' .. span(now - score)
    end
    rows[#rows + 1] = string.format('cleanup   %-24s %s', name, state)
    local f = redis.call('HMGET', prefix .. 'scan:' .. name, 'lease_until_ms', 'instance', 'seen', 'keys', 'added')
    if number(f[1]) > now then
      rows[#rows + 1] = string.format('scan      %-24s %s of %s keys on %s, %s added', name, f[3], f[4], f[2], f[5])
    end
  end
  local seen = redis.call('ZREVRANGE', prefix .. 'instances', 0, MOST_ROWS - 1, 'WITHSCORES')
  for i = 1, #seen, 2 do
    local instance = redis.call('HMGET', prefix .. 'instance:' .. seen[i], 'version', 'running')
    local state = 'gone'
    if instance[1] then
      state = 'version ' .. instance[1] .. ', running ' .. ((instance[2] ~= '' and instance[2]) or 'nothing')
    end
    rows[#rows + 1] = string.format('instance  %-24s seen %s ago, %s', seen[i], span(now - tonumber(seen[i + 1])), state)
  end
  return rows
end

redis.register_function{function_name = 'curfew_version', callback = version, flags = {'no-writes'}}
redis.register_function{function_name = 'curfew_tick', callback = tick, flags = {'allow-oom'}}
redis.register_function{function_name = 'curfew_claim', callback = claim, flags = {'allow-oom'}}
redis.register_function{function_name = 'curfew_renew', callback = renew, flags = {'allow-oom'}}
redis.register_function{function_name = 'curfew_finish', callback = finish, flags = {'allow-oom'}}
redis.register_function{function_name = 'curfew_scan', callback = scan, flags = {'allow-oom'}}
redis.register_function{function_name = 'curfew_commit', callback = commit}
redis.register_function{
  function_name = 'curfew_commit_node', callback = commit_node, flags = {'allow-cross-slot-keys'},
}
redis.register_function{function_name = 'curfew_overview', callback = overview, flags = {'no-writes'}}
