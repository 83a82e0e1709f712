#!lua name=curfew_7
-- Curfew's Redis functions. All domain logic lives in Swift; what is here is what must be atomic.
-- Whatever changes in this text makes it another version. The names of the library (above) and of its functions carry
-- it, so that programs of several versions share a server, each with functions of its own. On a server without functions
-- the same text is a script, which script.lua ends.
local VERSION = 7

-- How a call of curfew_commit is written. An instance that writes it in another way is refused, not misunderstood.
local FORMAT = 'format-3'

-- Bounds: no call may walk further than this, whatever it is given.
local MOST_OVERDUE = 100

-- What a time of ours may lie ahead of the clock before the clock must have stepped back.
local STEP_MS = 2000

-- How soon somebody asks again whether the keyspace may be scanned for a cleanup that is paused.
local PAUSED_SCAN_MS = 60000

-- How servers begin, or go on, when a script's user may not run a command.
local REFUSALS = {'NOPERM', 'user executing the script', 'ACL failure'}

-- Whether an error reply says that a right is missing.
local function is_refusal(text)
  for _, refusal in ipairs(REFUSALS) do
    if string.find(text, refusal, 1, true) then return true end
  end
  return false
end

-- Words with which a command fails after its right was looked at, and before it does anything.
local HARMLESS = {
  HSET = {'a', 'b', 'c'}, HINCRBY = {'a', 'x'}, INCRBY = {'x'}, SET = {'a', 'x'}, LREM = {'x', 'a'}, XADD = {'x', 'a', 'b'},
  ZADD = {'x', 'a'}, PEXPIRE = {'x'},
}

-- Whether the user may do this. Redis 6 can't be asked: there such words show it, where a command has any.
local function may(command, key, ...)
  if redis.acl_check_cmd then return redis.acl_check_cmd(command, key, ...) end
  local words = HARMLESS[command]
  local reply = words and redis.pcall(command, key, unpack(words))
  return not (type(reply) == 'table' and reply.err and is_refusal(reply.err))
end

-- The type that a command reads or needs at its key. A command that is not here (DEL, TRASH) takes any.
local NEEDS = {
  HSET = 'hash', HDEL = 'hash', HINCRBY = 'hash', INCRBY = 'string', SET = 'string', LPUSH = 'list', RPUSH = 'list',
  LREM = 'list', XADD = 'stream', ZADD = 'zset', ZREM = 'zset', HSETNX = 'hash', HGET = 'hash', HMGET = 'hash',
  HEXISTS = 'hash', GET = 'string', ZSCORE = 'zset', LPOS = 'list',
}

-- What a command that is not satisfied by just any value of its type expects.
local EXPECTS = {INCRBY = 'string with a whole number'}

-- What an error reply says: which right is missing (of a command that this user may not run Redis 7.0 alone doesn't say
-- which it was), or what was found at the key and what was expected there.
local function explained(text, command, key)
  if is_refusal(text) then
    return 'NOPERM this user has no right to ' .. command .. (key and ' at ' .. key or '')
  end
  if key and NEEDS[command] and string.find(text, 'WRONGTYPE', 1, true) then
    local found = redis.pcall('TYPE', key).ok
    if found and found ~= NEEDS[command] then
      return 'WRONGTYPE ' .. key .. ' is a ' .. found .. ': expected a ' .. (EXPECTS[command] or NEEDS[command])
    end
  end
  return text
end

-- redis.call, with such an error explained.
local function call(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then error({err = explained(reply.err, ...)}) end
  return reply
end

local function now_ms()
  local time = call('TIME')
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
  if reply.err then return explained(reply.err, 'TYPE', key) end
  if found == 'none' or found == needed then return nil end
  return 'WRONGTYPE ' .. key .. ' is a ' .. found .. ': expected a ' .. needed
end

--------------------------------------------------------------------------------------------------
-- Coordination: schedule, lease, fence
--------------------------------------------------------------------------------------------------

-- What every write under a lease names: its fence, its holder and when it was claimed. A fence alone says too little: a
-- primary that is being replaced gives the same one as its successor.
local function term_of(fence, instance, acquired_ms)
  return fence .. ' ' .. instance .. ' ' .. acquired_ms
end

-- Whether a lease is of that term; then its fence and its holder. Instances of older versions name the fence alone.
local function is_of(lease, term)
  local f = call('HMGET', lease, 'fence', 'instance', 'acquired_ms')
  local fence, instance = f[1] or '', f[2] or ''
  local is_current = fence ~= '' and (term == fence or term == term_of(fence, instance, f[3] or ''))
  return is_current, fence, instance
end

-- One entry of the history. `fields` is a flat list of names and values.
local function add_run(stream, length, fields)
  call('XADD', stream, 'MAXLEN', '~', length, '*', unpack(fields))
end

-- The run whose lease ran out is closed in the history as lost, with what its last renewal reported.
local function add_lost(runs, metrics, length, lease, cleanup, policy, now)
  local f = call('HMGET', lease, 'run', 'instance', 'fence', 'trigger', 'dry_run', 'due_ms', 'acquired_ms',
    'found', 'changed', 'retried', 'skipped', 'failed', 'refunded')
  add_run(runs, length, {
    'run', f[1] or '', 'cleanup', cleanup, 'policy', policy, 'instance', f[2] or '', 'fence', f[3] or '',
    'trigger', f[4] or '', 'dry_run', f[5] or '0', 'status', 'lost', 'due_ms', f[6] or '', 'started_ms', f[7] or '',
    'finished_ms', ms(now), 'found', f[8] or '0', 'changed', f[9] or '0', 'retried', f[10] or '0',
    'skipped', f[11] or '0', 'failed', f[12] or '0', 'refunded', f[13] or '0', 'bytes_freed', '0', 'absent', '0',
    'error', 'the lease ran out before the run finished',
  })
  call('XADD', metrics, 'MAXLEN', '~', length, '*', 'kind', 'lost', 'cleanup', cleanup, 'run', f[1] or '', 'runs_lost', '1')
  return f[1] or ''
end

-- The key of that name beside the schedule, whose prefix, and so whose slot, all of Curfew's own keys have.
local function beside(schedule, name)
  return string.sub(schedule, 1, -(#'schedule' + 1)) .. name
end

-- Purpose:    says that an instance lives, puts the cleanups it knows on the schedule, and claims at most one that is
--             due (or, with `only`, that one, due or not). A claim is lease + fence + schedule score in one step.
-- KEYS:       schedule, fence, instances, instance:<id>, paused, runs, metrics, then lease:<cleanup> per known cleanup
-- ARGV:       instance, lease ms, heartbeat ms, free places, trigger, only ('' = what is due), stream length, count n of
--             instance fields (0 = no heartbeat), n names and values, count m of metric fields (0 = no entry), m names
--             and values, then per known cleanup: name, policy, dry run (0|1), every ms (0 = cron), next occurrence ms
--             (cron)
-- Returns:    a flat list of names and values: version, now, sleep (ms), overdue (list of cleanup, ms), and one of
--             claim (with run, fence, term, due, late (ms since it could be claimed), lost, and what is known from
--             before: definition, owed, clock) · held (with holder, run, until) · paused (the JSON)
-- Complexity: O(C log C) for C known cleanups
local function tick(KEYS, ARGV)
  local now = now_ms()
  local schedule, fences, instances, paused, runs = KEYS[1], KEYS[2], KEYS[3], KEYS[5], KEYS[6]
  local instance, lease_ms, heartbeat_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
  local places, trigger, only, length = tonumber(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]
  local a = 8

  local count = tonumber(ARGV[a]) * 2
  if count > 0 then
    call('ZADD', instances, now, instance)
    call('ZREMRANGEBYSCORE', instances, '-inf', now - 86400000)
    call('HSET', KEYS[4], unpack(ARGV, a + 1, a + count))
    call('PEXPIRE', KEYS[4], math.max(3 * heartbeat_ms, lease_ms))
  end
  a = a + count + 1
  count = tonumber(ARGV[a]) * 2
  if count > 0 then
    call('XADD', KEYS[7], 'MAXLEN', '~', length, '*', unpack(ARGV, a + 1, a + count))
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
    local held = call('HMGET', entry.lease, 'run', 'due_ms', 'acquired_ms', 'renewed_ms')
    entry.score = tonumber(call('ZSCORE', schedule, entry.name) or nil)
    if entry.score == nil then
      entry.score = every > 0 and now or occurrence
      if only == '' or only == entry.name then
        call('ZADD', schedule, ms(entry.score), entry.name)
      end
    end
    -- A lease that was renewed in the future ends later than a lease from now can: the clock has stepped back since, and
    -- nobody knows when it ought to have ended. It counts as run out.
    if held[1] and number(held[4]) > now + STEP_MS then entry.score = math.min(entry.score, now) end
    entry.run = held[1]
    entry.due = held[1] and number(held[2]) or entry.score
    entry.paused = call('HEXISTS', paused, entry.name) == 1
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
    for _, name in ipairs(call('ZRANGEBYSCORE', schedule, '-inf', now, 'LIMIT', 0, MOST_OVERDUE)) do
      if not known[name] and call('HEXISTS', paused, name) == 0 then
        overdue[#overdue + 1] = name
        overdue[#overdue + 1] = ms(now - number(call('ZSCORE', schedule, name)))
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
    add('paused', call('HGET', paused, best.name) or '')
    return answer
  end
  if best.run and best.score > now then
    local holder = call('HMGET', best.lease, 'instance', 'run')
    add('held', best.name)
    add('holder', holder[1] or '')
    add('run', holder[2] or '')
    add('until', ms(best.score))
    return answer
  end

  -- Read before anything is written: where it can't be, there must be no claim that nobody hears of.
  local definition = call('HGET', beside(schedule, 'definitions'), best.name) or ''
  local owed = call('HGET', beside(schedule, 'owed'), best.name) or ''
  local clock = call('HMGET', beside(schedule, 'alert:clock'), 'step_ms', 'total_ms', 'seen_ms')

  local lost = ''
  if best.run then
    lost = add_lost(runs, KEYS[7], length, best.lease, best.name, best.policy, now)
  end
  local fence = ms(call('HINCRBY', fences, best.name, 1))
  local run = best.name .. '-' .. fence
  call('DEL', best.lease)
  call('HSET', best.lease, 'instance', instance, 'run', run, 'fence', fence, 'acquired_ms', ms(now),
    'renewed_ms', ms(now), 'due_ms', ms(best.due), 'trigger', trigger, 'dry_run', best.dry_run, 'found', '0',
    'changed', '0', 'failed', '0', 'progress', '0', 'step', 'claimed')
  call('ZADD', schedule, ms(now + lease_ms), best.name)
  add('claim', best.name)
  add('run', run)
  add('fence', fence)
  add('term', term_of(fence, instance, ms(now)))
  add('due', ms(best.due))
  add('late', ms(math.max(0, now - best.score)))
  add('lost', lost)
  add('definition', definition)
  add('owed', owed)
  add('clock', clock)
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
      call('XADD', KEYS[1], 'MAXLEN', '~', arguments[7], '*', 'run', answer[place + 3], unpack(event))
    end
  end
  return answer
end

-- Purpose:    extends exactly this lease and reports the run's progress. A lease that ran out is lost, taken or not.
-- KEYS:       schedule, lease:<cleanup>
-- ARGV:       cleanup, term, lease ms, then names and values for the lease's hash
-- Returns:    'lost', or the cancel request ('' = none)
-- Complexity: O(log C)
local function renew(KEYS, ARGV)
  local now = now_ms()
  if not is_of(KEYS[2], ARGV[2]) then return 'lost' end
  if number(call('ZSCORE', KEYS[1], ARGV[1])) <= now then return 'lost' end
  call('HSET', KEYS[2], 'renewed_ms', ms(now), unpack(ARGV, 4))
  call('ZADD', KEYS[1], ms(now + tonumber(ARGV[3])), ARGV[1])
  return call('HGET', KEYS[2], 'cancel') or ''
end

-- Purpose:    ends a run: history, metrics, next due time, release of the lease. Streams are trimmed by age here.
-- KEYS:       schedule, lease:<cleanup>, runs, metrics, events, alerts, then the hashes of the alerts on this cleanup
-- ARGV:       cleanup, term, next due ms ('now' = at once, and wake the others), wake channel, stream length,
--             age ms of runs, metrics, events, alerts, count n of run fields, n names and values,
--             count m of metric fields, m names and values
-- Returns:    {'ok', then definition, state and since of each alert, '' where unknown, then the cleanup's definition, if any},
--             or {'lost'} where the lease is no longer this one
-- Complexity: O(log C + alerts); the trimming is approximate and bounded by Redis
local function finish(KEYS, ARGV)
  local now = now_ms()
  if not is_of(KEYS[2], ARGV[2]) then return {'lost'} end
  local length = ARGV[5]
  local a = 10
  local count = tonumber(ARGV[a]) * 2
  add_run(KEYS[3], length, {unpack(ARGV, a + 1, a + count)})
  a = a + count + 1
  count = tonumber(ARGV[a]) * 2
  call('XADD', KEYS[4], 'MAXLEN', '~', length, '*', unpack(ARGV, a + 1, a + count))
  for stream = 3, 6 do
    call('XTRIM', KEYS[stream], 'MINID', '~', ms(math.max(0, now - tonumber(ARGV[stream + 3]))))
  end
  call('DEL', KEYS[2])
  if ARGV[3] == 'now' then
    call('ZADD', KEYS[1], ms(now), ARGV[1])
    call('PUBLISH', ARGV[4], ARGV[1])
  else
    call('ZADD', KEYS[1], ARGV[3], ARGV[1])
  end
  local answer = {'ok'}
  for alert = 7, #KEYS do
    local known = call('HMGET', KEYS[alert], 'definition', 'state:' .. ARGV[1], 'since_ms:' .. ARGV[1])
    for field = 1, 3 do answer[#answer + 1] = known[field] or '' end
  end
  answer[#answer + 1] = call('HGET', beside(KEYS[1], 'definitions'), ARGV[1]) or nil
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
  local f = call('HMGET', KEYS[1], 'fence', 'instance', 'lease_until_ms', 'cursor', 'started_ms', 'finished_ms',
    'next_ms', 'server', 'seen', 'added', 'keys')
  local is_ours = f[1] == fence and f[2] == ARGV[3]
  local server = step == 'claim' and ARGV[8] or ARGV[11] or ''
  local is_cluster = server ~= ''
  if not is_cluster then server = server_process() end

  if step ~= 'claim' then
    if not is_ours then return 'lost' end
    local cursor, seen, answer = ARGV[7], ARGV[8], 'ok'
    if f[8] ~= server then
      cursor, seen, answer = '0', '0', 'restarted'
    end
    call('HSET', KEYS[1], 'cursor', cursor, 'seen', seen, 'added', ARGV[9], 'server', server,
      'lease_until_ms', ms(now + lease_ms))
    if ARGV[12] and ARGV[12] ~= '' then call('HSET', KEYS[1], 'keys', ARGV[12]) end
    if step == 'finish' and answer == 'ok' then
      call('HSET', KEYS[1], 'finished_ms', ms(now), 'next_ms', ms(number(f[5]) + interval))
    end
    if step == 'release' or (step == 'finish' and answer == 'ok') then
      call('HDEL', KEYS[1], 'instance', 'lease_until_ms')
    end
    if step == 'release' then call('PUBLISH', ARGV[10], ARGV[2]) end
    return answer
  end

  local when = ARGV[7]
  -- Asked before the lease: a run doesn't wait for a later scan that goes on beside it.
  if when == 'first' and f[6] then return {'wait', ms(now), ms(interval)} end
  -- One that ends later than any could was given before the clock stepped back.
  if f[2] and not is_ours and number(f[3]) > now and number(f[3]) <= now + 2 * lease_ms + STEP_MS then
    return {'held', ms(now), ms(number(f[3]) - now), f[4] or '0', f[9] or '0', f[10] or '0', f[11] or '0'}
  end
  local wait = 0
  local is_through = not f[4] or f[4] == '0'
  if when == 'due' and call('HEXISTS', KEYS[2], ARGV[2]) == 1 then
    wait = PAUSED_SCAN_MS
  elseif when == 'due' and is_through and f[6] and number(f[5]) <= now + STEP_MS then
    -- One that began in the future was before the clock stepped back: nobody knows when the next is due, so it is now.
    wait = math.min(number(f[7]) - now, number(f[5]) + interval - now, interval)
  end
  if wait > 0 then return {'wait', ms(now), ms(wait)} end

  fence = ms(call('HINCRBY', KEYS[1], 'fence', 1))
  local cursor, seen, added, keys = f[4] or '0', f[9] or '0', f[10] or '0', f[11] or '0'
  local is_odd = not is_cluster and (not string.match(cursor, '^%d+$') or #cursor > 19)
  if is_through or f[8] ~= server or is_odd then
    local size = not is_cluster and redis.pcall('DBSIZE')
    cursor, seen, added, keys = '0', '0', '0', type(size) == 'number' and ms(size) or '0'
    call('HSET', KEYS[1], 'started_ms', ms(now), 'server', server)
  end
  call('HSET', KEYS[1], 'instance', ARGV[3], 'lease_until_ms', ms(now + lease_ms), 'cursor', cursor,
    'seen', seen, 'added', added, 'keys', keys)
  return {'claimed', ms(now), fence, cursor, seen, added, keys}
end

--------------------------------------------------------------------------------------------------
-- Commit
--------------------------------------------------------------------------------------------------

-- Guards that read a key with a command of one type prove its type on the way.
local PROVES = {
  equals = 'hash', differs = 'hash', absent = 'hash', text = 'string', holds = 'list', known_hash = 'hash',
  known_text = 'string',
}

-- What a guard that doesn't hold answers: false where what was read has changed, or the text of an error reply.
local function changed(found, command, key)
  if type(found) == 'table' then return explained(found.err, command, key) end
  return false
end

-- How the size of what is at a key is asked for; of a text it is the number that it holds.
local COUNTS = {string = 'GET', list = 'LLEN', set = 'SCARD', zset = 'ZCARD', hash = 'HLEN', stream = 'XLEN'}

-- Each guard returns nil where it holds. What is usual is compared first: an error is a table, and equals no text.
local GUARDS = {
  equals = function(key, field, value)
    local found = redis.pcall('HGET', key, field)
    if found ~= value then return changed(found, 'HGET', key) end
  end,
  differs = function(key, field, value)
    local found = redis.pcall('HGET', key, field)
    if found == value or type(found) == 'table' then return changed(found, 'HGET', key) end
  end,
  absent = function(key, field)
    local found = redis.pcall('HEXISTS', key, field)
    if found ~= 0 then return changed(found, 'HEXISTS', key) end
  end,
  text = function(key, _, value)
    local found = redis.pcall('GET', key)
    if found ~= value then return changed(found, 'GET', key) end
  end,
  exists = function(key)
    local found = redis.pcall('EXISTS', key)
    if found ~= 1 then return changed(found, 'EXISTS', key) end
  end,
  missing = function(key)
    local found = redis.pcall('EXISTS', key)
    if found ~= 0 then return changed(found, 'EXISTS', key) end
  end,
  score = function(key, member, value)
    local found = redis.pcall('ZSCORE', key, member)
    if found ~= value then return changed(found, 'ZSCORE', key) end
  end,
  -- What the caller has read a moment ago, where it is only asked what would become of a change.
  known_hash = function() end,
  known_text = function() end,
  listed = function(key, member)
    local found = redis.pcall('ZSCORE', key, member)
    if type(found) ~= 'string' then return changed(found, 'ZSCORE', key) end
  end,
  -- Nothing at the key is 0; what is no count is more than any.
  atmost = function(key, _, value)
    local kind = redis.pcall('TYPE', key)
    if kind.err then return explained(kind.err, 'TYPE', key) end
    if kind.ok == 'none' then return nil end
    local command = COUNTS[kind.ok]
    local found = command and redis.pcall(command, key)
    if type(found) == 'table' then return explained(found.err, command, key) end
    local count = string.match(tostring(found), '^%d+$')
    if not count or tonumber(count) > tonumber(value) then return false end
  end,
  -- A list is walked from its end, and no further than a short call allows.
  holds = function(key, _, value)
    local found = redis.pcall('LPOS', key, value, 'RANK', -1, 'MAXLEN', 1000)
    if type(found) ~= 'number' then return changed(found, 'LPOS', key) end
  end,
}

-- Guards that look at a field of a hash, with all others of the same key in one HMGET.
local IN_HASH = {equals = true, absent = true}

-- A function that fills the holes of tables with what a change brings along: its values, which follow ARGV[a], or its
-- keys, which begin at KEYS[k]. It is made for its statement, because a loop over the holes took as long as the commands.
-- Nothing but numbers gets into its text.
local function filling(holes)
  local text = {'return function(tables, KEYS, k, ARGV, a) local t'}
  local current
  for _, hole in ipairs(holes) do
    if hole.number ~= current then text[#text + 1] = string.format('t = tables[%d]', hole.number) end
    current = hole.number
    if hole.from > 0 then
      text[#text + 1] = string.format('t[%d] = ARGV[a + %d]', hole.place, hole.from)
    else
      text[#text + 1] = string.format('t[%d] = KEYS[k + %d]', hole.place, -hole.from - 1)
    end
  end
  text[#text + 1] = 'end'
  return loadstring(table.concat(text, '\n'))()
end

-- Takes a table of a statement with its holes: those that a change fills, that shared keys fill, or the time.
local function take(statement, holes, words, key, places)
  local number = #statement.tables + 1
  statement.tables[number] = words
  if key and key < 0 then
    statement.shared[#statement.shared + 1] = {words = words, key = key}
  elseif key then
    holes[#holes + 1] = {number = number, place = 2, from = -key - 1}
  end
  for _, hole in ipairs(places) do
    if hole[2] == 0 then
      statement.times[#statement.times + 1] = {words = words, place = hole[1]}
    else
      holes[#holes + 1] = {number = number, place = hole[1], from = hole[2]}
    end
  end
end

local function read_guards(statement, guards)
  local holes, last = {}, nil
  for number, guard in ipairs(guards) do
    local check, key, field, value, field_from, value_from = unpack(guard)
    statement.proven[key] = PROVES[check]
    local is_plain = IN_HASH[check] and field_from == 0
    if not (is_plain and last and last.key == key) then
      last = {key = is_plain and key, first = number, check = GUARDS[check], words = {'HMGET', ''}, expected = {}}
      statement.guards[#statement.guards + 1] = last
      take(statement, holes, last.words, key, {})
      if is_plain then
        take(statement, holes, last.expected, nil, {})
        last.number = #statement.tables
      end
    end
    if is_plain then
      last.words[#last.words + 1] = field
      last.expected[#last.expected + 1] = check == 'equals' and value
      if value_from ~= 0 then
        holes[#holes + 1] = {number = last.number, place = #last.expected, from = value_from}
      end
    else
      last.words[3], last.words[4] = field, value
      for place, from in pairs({[3] = field_from, [4] = value_from}) do
        if from ~= 0 then holes[#holes + 1] = {number = #statement.tables, place = place, from = from} end
      end
    end
  end
  return filling(holes)
end

local function read_writes(statement, writes)
  local holes, may_fail = {}, 1
  for w, write in ipairs(writes) do
    local key, words, places = unpack(write)
    take(statement, holes, words, key, places)
    statement.writes[w] = words
    if w == 1 and words[1] == 'HSETNX' then may_fail = 2 end
    local needed = NEEDS[words[1]]
    if key < 0 then
      statement.shared[#statement.shared].needed = needed
    elseif needed and w > may_fail and statement.proven[key] ~= needed then
      statement.typed[#statement.typed + 1] = {key = key, needed = needed}
    end
  end
  return filling(holes)
end

-- Statements that were read lately, by their text: from page to page they are the same ones, and to read one takes as
-- long as to make several changes.
local MOST_STATEMENTS = 64
-- Longer ones aren't kept: they would fill Redis's memory with what only a few changes need.
local LONGEST_STATEMENT = 8192
local statements_read, statements_count = {}, 0

-- Reads one statement: what many changes of a call have in common, with holes for what differs.
-- `key` numbers: 0, 1, … the change's own keys; -1, -2, … the call's shared keys.
-- `from` numbers: 1, 2, … the change's values; -1, -2, … its own keys, as values; 0 in a guard nothing, in a write the
-- call's time.
local function read_statement(text)
  local statement = statements_read[text]
  if statement then return statement end
  local given = cjson.decode(text)
  statement = {
    keys = given.keys, index = given.index, values = given.values, tables = {}, guards = {}, writes = {}, shared = {},
    times = {}, typed = {}, proven = {},
  }
  statement.fill_guards = read_guards(statement, given.guards)
  statement.fill_writes = read_writes(statement, given.writes)
  if #text > LONGEST_STATEMENT then return statement end
  if statements_count == MOST_STATEMENTS then statements_read, statements_count = {}, 0 end
  statements_read[text], statements_count = statement, statements_count + 1
  return statement
end

-- Makes a statement ready for a call, which has shared keys, a time and a user of its own. `first`: how many words of
-- KEYS stand before the call's keys.
local function open_statement(text, KEYS, first, time, wrong_index)
  local statement = read_statement(text)
  statement.is_allowed = false
  statement.refused = statement.index ~= 'none' and wrong_index or nil
  for _, item in ipairs(statement.shared) do
    local key = KEYS[first + 2 - item.key]
    item.words[2] = key
    if item.needed then statement.refused = statement.refused or wrong_type(key, item.needed) end
  end
  for _, item in ipairs(statement.times) do item.words[item.place] = time end
  return statement
end

-- Whether a guard holds: nil, or the number of what doesn't, or the text of an error.
local function broken(guard)
  local words, expected = guard.words, guard.expected
  if expected[1] == nil then
    local held = guard.check(words[2], words[3], words[4])
    if held == false then return guard.first end
    return held
  end
  local found = redis.pcall(unpack(words))
  if found.err then return explained(found.err, 'HMGET', words[2]) end
  for place = 1, #expected do
    if found[place] ~= expected[place] then return guard.first + place - 1 end
  end
end

-- Whether the change whose values follow ARGV[a], and whose keys begin at KEYS[k] may be made: nil, or why not.
local function refusal(statement, KEYS, k, ARGV, a)
  if statement.refused then return statement.refused end
  statement.fill_guards(statement.tables, KEYS, k, ARGV, a)
  local guards, typed = statement.guards, statement.typed
  for g = 1, #guards do
    local why = broken(guards[g])
    if why ~= nil then return why end
  end
  for t = 1, #typed do
    local wrong = wrong_type(KEYS[k + typed[t].key], typed[t].needed)
    if wrong then return wrong end
  end
end

-- TRASH key trash ms: what is at the key is moved to the trash key until that expires; nothing where there is nothing.
-- What expires by itself is kept no longer than that, and has its time noted beside it, at <trash>:expires: so that it can
-- be put back as it was, and so that an undo can tell that it has expired meanwhile.
-- Returns the error reply of a move that was refused.
local function move_to_trash(args)
  local moved = redis.pcall('RENAME', args[2], args[3])
  if moved.err then
    if string.find(moved.err, 'no such key', 1, true) then return nil end
    return moved
  end
  local expires
  if redis.acl_check_cmd then
    if redis.call('PEXPIRE', args[3], args[4], 'NX') == 1 then return nil end
    expires = redis.call('PEXPIRETIME', args[3])
    redis.call('PEXPIRE', args[3], args[4], 'LT')
  else
    -- Redis 6 knows neither the words nor the other command.
    local left = redis.call('PTTL', args[3])
    if left < 0 or left > tonumber(args[4]) then redis.call('PEXPIRE', args[3], args[4]) end
    if left < 0 then return nil end
    expires = now_ms() + left
  end
  redis.call('SET', args[3] .. ':expires', ms(expires), 'PX', args[4])
  return nil
end

-- Whether the user may do all that a change does: nil, or what is missing. Rights are the same for all changes of a
-- statement, whose keys are of the same kinds, so the first change of each answers for the others.
local function forbidden(statement)
  for _, words in ipairs(statement.writes) do
    local is_allowed
    if words[1] == 'TRASH' then
      is_allowed = may('RENAME', words[2], words[3])
        and may('PEXPIRE', words[3], words[4])
        and may('PEXPIRETIME', words[3]) and may('SET', words[3], '')
    else
      is_allowed = may(unpack(words))
    end
    if not is_allowed then
      return 'NOPERM this user has no right to ' .. words[1] .. ' at ' .. words[2]
    end
  end
  statement.is_allowed = true
  return nil
end

-- Whether this server knows expiries of fields (Redis from 7.4, Valkey from 9); nil until it was asked.
local knows_field_expiry

-- When the fields of an HSET expire by themselves, one number for each (below 0 where one doesn't); nil where none does.
-- HSET would take that away. A user who may not ask is one whose fields don't keep it, which doctor says.
local function field_expiries(words)
  local asked = {'HPEXPIRETIME', words[2], 'FIELDS', (#words - 2) / 2}
  for place = 3, #words, 2 do asked[#asked + 1] = words[place] end
  local found = redis.pcall(unpack(asked))
  if knows_field_expiry == nil then
    knows_field_expiry = not (found.err and string.find(string.lower(found.err), 'unknown', 1, true))
  end
  if found.err then return nil end
  for place = 1, #found do
    if found[place] > 0 then return found end
  end
end

-- Runs a command of a change; the fields of a hash keep their expiries. Returns the reply, or the error reply.
local function run(words)
  if words[1] ~= 'HSET' or knows_field_expiry == false then return redis.pcall(unpack(words)) end
  local expiries = field_expiries(words)
  local reply = redis.pcall(unpack(words))
  if expiries and type(reply) == 'number' then
    for place, expires in ipairs(expiries) do
      if expires > 0 then
        redis.call('HPEXPIREAT', words[2], ms(expires), 'FIELDS', 1, words[1 + 2 * place])
      end
    end
  end
  return reply
end

-- At most 80 bytes of a value, for a message.
local function shown(value)
  return '“' .. (#value > 80 and string.sub(value, 1, 80) .. '…' or value) .. '”'
end

-- Why a first write was refused: which key it was, what was found there, and what was expected.
local function complaint(words, text)
  local why = explained(text, words[1], words[2])
  if why ~= text or words[1] ~= 'INCRBY' then return why end
  local found = redis.pcall('GET', words[2])
  if type(found) ~= 'string' then return text end
  if string.find(text, 'overflow', 1, true) then
    return 'ERR ' .. words[2] .. ' is ' .. shown(found) .. ': ' .. words[3] .. ' more is too large for a whole number'
  end
  return 'ERR ' .. words[2] .. ' is ' .. shown(found) .. ': expected a whole number'
end

-- Makes a change that may be made: nil, or why its first write was refused. A first write that is HSETNX is a guard as
-- well: 0 where the field was there. The write after it may fail too, because HDEL takes the HSETNX back exactly.
local function make(statement, KEYS, k, ARGV, a)
  -- Rights are known by now, and nothing is called more often.
  local call = redis.call
  local writes = statement.writes
  statement.fill_writes(statement.tables, KEYS, k, ARGV, a)
  if not statement.is_allowed then
    local why = forbidden(statement)
    if why ~= nil then return why end
  end
  local once
  for w = 1, #writes do
    local words = writes[w]
    if words[1] == 'TRASH' then
      local reply = move_to_trash(words)
      if reply and w == 1 then return reply.err end
      if reply then error(reply.err) end
    elseif w == 1 or (w == 2 and once) then
      local reply = run(words)
      if type(reply) == 'table' and reply.err then
        if once then call('HDEL', once[2], once[3]) end
        return complaint(words, reply.err)
      end
      if w == 1 and words[1] == 'HSETNX' then
        if reply == 0 then return 0 end
        once = words
      end
    else
      local reply = run(words)
      if type(reply) == 'table' and reply.err then error(reply) end
    end
  end
end

-- Two whole numbers of up to 19 digits, as texts: whether their sum fits into 64 bits. Lua's own numbers don't hold them.
local function fits(one, other)
  local high, low = 0, 0
  for _, text in ipairs({one, other}) do
    local sign = string.sub(text, 1, 1) == '-' and -1 or 1
    local digits = string.match(text, '%d+')
    high = high + sign * (tonumber(string.sub(digits, 1, -10)) or 0)
    low = low + sign * tonumber(string.sub(digits, -9))
  end
  if low >= 1e9 then high, low = high + 1, low - 1e9 end
  if low < 0 then high, low = high - 1, low + 1e9 end
  return high < 9223372036 or (high == 9223372036 and low <= 854775807)
end

-- What make would say of a change, with nothing written: the rights, and those writes that may fail on what they find.
local function foretold(statement, KEYS, k, ARGV, a)
  statement.fill_writes(statement.tables, KEYS, k, ARGV, a)
  if not statement.is_allowed then
    local why = forbidden(statement)
    if why ~= nil then return why end
  end
  for w = 1, math.min(2, #statement.writes) do
    local words = statement.writes[w]
    if w == 1 and words[1] == 'HSETNX' then
      local found = redis.pcall('HEXISTS', words[2], words[3])
      if type(found) == 'table' then return explained(found.err, 'HSETNX', words[2]) end
      if found == 1 then return 0 end
    elseif words[1] == 'INCRBY' then
      local found = redis.pcall('GET', words[2])
      if type(found) == 'table' then return explained(found.err, 'INCRBY', words[2]) end
      if found and not (found == '0' or (#found <= 20 and string.find(found, '^-?[1-9]%d*$'))) then
        return complaint(words, 'ERR value is not an integer or out of range')
      end
      if found and not fits(found, words[3]) then return complaint(words, 'ERR increment or decrement would overflow') end
    else
      local needed = NEEDS[words[1]]
      local wrong = needed and wrong_type(words[2], needed)
      if wrong then return wrong end
    end
  end
end

-- The most bytes of why a change was refused.
local LONGEST_REASON = 2048

-- What curfew_commit and curfew_commit_part do, wherever in the call their keys and words begin: `first` words stand
-- before the keys, `before` before the others. `progress` shows how far it is: the last change that it began to make,
-- what it has answered and, at the end, the number of changes.
-- With `is_check` nothing is written: the answer says what would become of each.
local function carry_out(KEYS, first, ARGV, before, progress, is_check)
  local make = is_check and foretold or make
  if ARGV[before + 1] ~= FORMAT then
    return redis.error_reply('ERR this library takes ' .. FORMAT .. ', the instance is of another version: update it')
  end
  local index = KEYS[first + 2]
  if ARGV[before + 2] ~= '' then
    local is_current, fence, holder = is_of(KEYS[first + 1], ARGV[before + 2])
    if not is_current then return {'fenced', fence, holder} end
  end
  local k = first + 3 + tonumber(ARGV[before + 4])
  local statements = {}
  local wrong_index = index ~= '' and wrong_type(index, 'zset') or nil
  local count = tonumber(ARGV[before + 5])
  local a = before + 6 + count
  for s = 1, count do
    statements[tostring(s)] = open_statement(ARGV[before + 5 + s], KEYS, first, ARGV[before + 3], wrong_index)
  end

  local removed, scored, answer = {}, {}, progress.answer
  local position = 0
  while a <= #ARGV do
    local statement, changes = statements[ARGV[a]], tonumber(ARGV[a + 1])
    -- Values are counted from 1, so `a` stands right before the first.
    a = a + 1
    for _ = 1, changes do
      position = position + 1
      local why = refusal(statement, KEYS, k, ARGV, a)
      if why == nil then
        progress.position = position
        why = make(statement, KEYS, k, ARGV, a)
      end
      if why ~= nil then
        answer[#answer + 1] = position
        -- Keys may be long, and the answer is to be read.
        answer[#answer + 1] = type(why) == 'string' and string.sub(why, 1, LONGEST_REASON) or why
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

  progress.count = position
  if is_check then return answer end
  -- The index last. It is only a hint: an entry that is left is looked at again, one that is missing is not.
  if #removed > 0 then call('ZREM', index, unpack(removed)) end
  if #scored > 0 then call('ZADD', index, unpack(scored)) end
  return answer
end

-- Purpose:    compare-and-commit of many changes in one round trip. Each change has guards (what was read is still so)
--             and writes (plain Redis commands): all its guards hold, or nothing of it is written. Each stands or falls
--             alone. The lease is checked once for the call.
--             A write that fails in the middle could not be taken back, so the type of every key is known before the
--             first write: proven by a guard, checked once for shared keys, else checked here. Only the first write of
--             a change may fail on its value (INCRBY of something that isn't a number): then nothing is written. Where
--             the first is HSETNX (a refund's ledger entry), that goes for the second, and the first is taken back.
-- KEYS:       lease:<cleanup>, index, n shared keys, then each change's own keys, one after the other
-- ARGV:       format, term ('' = none), time, n, number of statements, the statements, the changes in runs of one statement:
--             statement: JSON: {keys: number of own keys, index: remove | score | none, values: number of values,
--                        guards: [[check, key, field, value, from of the field, from of the value], …],
--                        writes: [[key, [command, '', argument, …], [[place, from] of a hole, …]], …]}
--             run:       number of its statement, number of changes, the values of each: the index member, [the score,
--                        where index = score], …
-- Returns:    {'fenced', fence and holder that are current}, or {'ok', position, why, position, why, …} with an entry for
--             each change that was not made: why = number of the guard that did not hold (0: HSETNX found its field), or
--             the error text of a refused one
-- Complexity: O(changes × their commands); the caller keeps a call near a millisecond
local function commit(KEYS, ARGV)
  return carry_out(KEYS, 0, ARGV, 0, {answer = {'ok'}})
end

-- Purpose:    says what curfew_commit would answer, and writes nothing: for previews
-- KEYS, ARGV, Returns, Complexity: those of curfew_commit
local function check(KEYS, ARGV)
  return carry_out(KEYS, 0, ARGV, 0, {answer = {'ok'}}, true)
end

-- The changes of a call that were not made, by their numbers, as they are noted at a mark.
local function omitted(answer, from)
  local numbers = {}
  for place = 2, #answer, 2 do numbers[#numbers + 1] = answer[place] end
  if from then numbers[#numbers + 1] = from .. '+' end
  return table.concat(numbers, ' ')
end

-- Carries out a call and writes its mark last, when it is known what was made. A change that fails in its middle, which
-- none should, counts as made; the mark says so before the error is raised again.
local function carry_out_under(mark, closed, field, rest_field, text, ARGV, first, before)
  local found = redis.pcall('HGET', mark, closed)
  if type(found) == 'table' then return {'mark', explained(found.err, 'HGET', mark)} end
  if found then return {'closed'} end
  if not may('HSET', mark, field, text) then
    return redis.error_reply('NOPERM this user has no right to HSET at ' .. mark)
  end
  local progress = {answer = {'ok'}, position = 0, count = 0}
  local is_whole, answer = pcall(carry_out, ARGV, first, ARGV, before, progress)
  local numbers = omitted(progress.answer, not is_whole and progress.position + 1)
  if not is_whole or progress.count > (#progress.answer - 1) / 2 then
    if numbers == '' then
      redis.call('HSET', mark, field, text)
    else
      redis.call('HSET', mark, field, text, rest_field, numbers)
    end
  end
  if not is_whole then error(answer) end
  return answer
end

-- Purpose:    curfew_commit for one node of a Cluster: a page has records in hundreds of slots, and a call declares keys
--             of one. So none need be declared here, and each change keeps to the keys of one slot. A slot that is not here,
--             or just moving away, is met with a guard or with the write that may fail, before anything is written: the
--             caller sends that change alone, with its keys declared, to be told where they are.
-- KEYS:       none, or all, for the client to find the node
-- ARGV:       mark ('' = none), and with a mark: the field that forbids the call, the field that is written where something
--             was made, the field that says what was not, what is written; then number of keys, the keys ('' for lease and
--             index), then as curfew_commit
-- Returns:    as curfew_commit, or {'closed'}, or {'mark', why it can't be read}; why is the server's own word (Redis:
--             “Script attempted to …”) where a key was not to be had here
-- Complexity: that of curfew_commit
local function commit_part(_, ARGV)
  if ARGV[1] == '' then return carry_out(ARGV, 2, ARGV, tonumber(ARGV[2]) + 2, {answer = {'ok'}}) end
  local mark, closed, field, rest_field, text, count = unpack(ARGV, 1, 6)
  return carry_out_under(mark, closed, field, rest_field, text, ARGV, 6, tonumber(count) + 6)
end

-- Purpose:    says what curfew_commit_part would answer without a mark, and writes nothing
-- KEYS, ARGV, Returns, Complexity: those of curfew_commit_part
local function check_part(_, ARGV)
  return carry_out(ARGV, 2, ARGV, tonumber(ARGV[2]) + 2, {answer = {'ok'}}, true)
end

-- Purpose:    looks whether refunds may be paid, on one node of a Cluster, whatever slots of it their keys are in
-- KEYS:       none
-- ARGV:       number n of ledgers, n times ledger and entry, then balances, each with what is to be added
-- Returns:    the positions of those that must be looked at more closely: an entry that is there, a balance that isn't
--             plainly a number or might grow too large, a key that is not to be had here
-- Complexity: O(keys)
local function look(_, ARGV)
  local answer = {}
  local ledgers = tonumber(ARGV[1])
  for number = 1, (#ARGV - 1) / 2 do
    local key, word = ARGV[2 * number], ARGV[2 * number + 1]
    local is_plain
    if number <= ledgers then
      is_plain = redis.pcall('HEXISTS', key, word) == 0
    else
      local found = redis.pcall('GET', key)
      -- 15 digits are far from what a 64-bit number holds.
      is_plain = found == false or found == '0'
        or type(found) == 'string' and #found <= 15 and #word <= 15 and string.find(found, '^-?[1-9]%d*$') ~= nil
    end
    if not is_plain then answer[#answer + 1] = number end
  end
  return answer
end

-- Purpose:    writes the events of a page of changes in a Cluster, all of them or none, once, under the lease.
-- KEYS:       lease:<cleanup>, saga:<cleanup>, events
-- ARGV:       term, count n of fields of the saga that go, n fields, the field that says whose events are written, what it
--             is to say (what it says, and more), count n of words, n words of each XADD after its key ('' for what
--             differs), count m of those, m places among the words, then m values for each event
-- Returns:    {'fenced', fence and holder that are current}, or {'ok', 1}, or {'ok', 0} where they were written before
-- Complexity: O(events)
local function tell(KEYS, ARGV)
  local is_current, fence, holder = is_of(KEYS[1], ARGV[1])
  if not is_current then return {'fenced', fence, holder} end
  local wrong = wrong_type(KEYS[2], 'hash') or wrong_type(KEYS[3], 'stream')
  if wrong then return redis.error_reply(wrong) end
  local a = 3 + tonumber(ARGV[2])
  local field, note = ARGV[a], ARGV[a + 1]
  if a > 3 then call('HDEL', KEYS[2], unpack(ARGV, 3, a - 1)) end
  local told = redis.call('HGET', KEYS[2], field) or ''
  if string.sub(told .. ' ', 1, #note + 1) == note .. ' ' then return {'ok', 0} end
  local count = tonumber(ARGV[a + 2])
  local args, places = {'XADD', KEYS[3], unpack(ARGV, a + 3, a + 2 + count)}, {}
  a = a + 3 + count
  local holes = tonumber(ARGV[a])
  for h = 1, holes do places[h] = tonumber(ARGV[a + h]) + 2 end
  -- Asked before the first, because what is written can't be taken back.
  if not may(unpack(args)) then
    return redis.error_reply('NOPERM this user has no right to XADD at ' .. KEYS[3])
  end
  if not may('HSET', KEYS[2], field, note) then
    return redis.error_reply('NOPERM this user has no right to HSET at ' .. KEYS[2])
  end
  for first = a + holes, #ARGV - holes, holes do
    for h = 1, holes do args[places[h]] = ARGV[first + h] end
    redis.call(unpack(args))
  end
  redis.call('HSET', KEYS[2], field, note)
  return {'ok', 1}
end

-- Purpose:    takes entries out of an index, but for those that have moved since they were read
-- KEYS:       index, and where it is in the slot of the lease: lease:<cleanup>
-- ARGV:       term ('' without a lease), then member and score of each
-- Returns:    {'fenced', fence and holder that are current}, or {'ok', position, …} of those that have moved
-- Complexity: O(entries × log N)
local function unlist(KEYS, ARGV)
  if ARGV[1] ~= '' then
    local is_current, fence, holder = is_of(KEYS[2], ARGV[1])
    if not is_current then return {'fenced', fence, holder} end
  end
  local members = {}
  for a = 2, #ARGV, 2 do members[a / 2] = ARGV[a] end
  local scores = redis.call('ZMSCORE', KEYS[1], unpack(members))
  local removed, answer = {}, {'ok'}
  for place, member in ipairs(members) do
    if scores[place] == ARGV[2 * place + 1] then
      removed[#removed + 1] = member
    else
      answer[#answer + 1] = place
    end
  end
  if #removed > 0 then redis.call('ZREM', KEYS[1], unpack(removed)) end
  return answer
end

--------------------------------------------------------------------------------------------------
-- What can be called; the names on a server end with the version
--------------------------------------------------------------------------------------------------

local FUNCTIONS = {
  {name = 'curfew_version', callback = version, flags = {'no-writes'}},
  {name = 'curfew_tick', callback = tick, flags = {'allow-oom'}},
  {name = 'curfew_claim', callback = claim, flags = {'allow-oom'}},
  {name = 'curfew_renew', callback = renew, flags = {'allow-oom'}},
  {name = 'curfew_finish', callback = finish, flags = {'allow-oom'}},
  {name = 'curfew_scan', callback = scan, flags = {'allow-oom'}},
  {name = 'curfew_commit', callback = commit, flags = {}},
  -- The same for what is Curfew's own and small, and must be written down most of all where Redis is full.
  {name = 'curfew_note', callback = commit, flags = {'allow-oom'}},
  {name = 'curfew_check', callback = check, flags = {'no-writes'}},
  {name = 'curfew_check_part', callback = check_part, flags = {'no-writes', 'allow-cross-slot-keys'}},
  {name = 'curfew_commit_part', callback = commit_part, flags = {'allow-cross-slot-keys'}},
  {name = 'curfew_look', callback = look, flags = {'no-writes', 'allow-cross-slot-keys'}},
  {name = 'curfew_tell_page', callback = tell, flags = {}},
  {name = 'curfew_unlist', callback = unlist, flags = {}},
}

-- REGISTRATION: what follows is for servers with functions.
for place = 1, #FUNCTIONS do
  local item = FUNCTIONS[place]
  redis.register_function{function_name = item.name .. '_' .. VERSION, callback = item.callback, flags = item.flags}
end
