#!lua name=curfew_8_older
-- What version 8 of the library had for coordination: its ticks name every cleanup that an instance knows. Newer versions
-- work beside it (FunctionsMixedTests).
local FORMAT, VERSION = 'format-8', '8_older'
-- What all parts of the library share. The first two lines, which are written when the parts are joined, say its name, the
-- FORMAT of its calls and its VERSION, which comes from this text: whatever changes here makes it another version. On a
-- server the names of the library and of its functions end with it, so that programs of several versions share a server,
-- each with functions of its own. On a server without functions the same text is a script, which script.lua ends.
--
-- All domain logic lives in Swift; what is here is what must be atomic. How a function is called, and what it answers, is
-- known in Swift by the file named after it (TickCall, RenewCall, …).

-- What can be called, in the order in which the parts offer it.
local FUNCTIONS = {}

local function offer(name, callback, ...)
  FUNCTIONS[#FUNCTIONS + 1] = {name = name, callback = callback, flags = {...}}
end

-- What a time of ours may lie ahead of the clock before the clock must have stepped back.
local STEP_MS = 2000

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
  HEXISTS = 'hash', GET = 'string', ZSCORE = 'zset', LPOS = 'list', SADD = 'set', SREM = 'set', SISMEMBER = 'set',
  XACK = 'stream', XDEL = 'stream', UNADD = 'stream', REINSERT = 'list', XCLAIM = 'stream', XPENDING = 'stream',
}

-- What a command that is not satisfied by just any value of its type expects.
local EXPECTS = {INCRBY = 'string with a number'}

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

local function wrong_type(key, needed)
  local reply = redis.pcall('TYPE', key)
  local found = reply.ok
  if reply.err then return explained(reply.err, 'TYPE', key) end
  if found == 'none' or found == needed then return nil end
  return 'WRONGTYPE ' .. key .. ' is a ' .. found .. ': expected a ' .. needed
end

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

-- Purpose:    says which version answers
-- KEYS, ARGV: none
-- Returns:    the version
-- Complexity: O(1)
local function version()
  return VERSION
end

offer('curfew_version', version, 'no-writes')
--------------------------------------------------------------------------------------------------
-- Coordination: schedule, lease, fence
--------------------------------------------------------------------------------------------------

-- No call may walk further than this, whatever it is given.
local MOST_OVERDUE = 100

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

offer('curfew_tick', tick, 'allow-oom')
offer('curfew_claim', claim, 'allow-oom')
offer('curfew_renew', renew, 'allow-oom')
offer('curfew_finish', finish, 'allow-oom')
-- What follows is for servers with functions, on which the names end with the version.
for place = 1, #FUNCTIONS do
  local item = FUNCTIONS[place]
  redis.register_function{function_name = item.name .. '_' .. VERSION, callback = item.callback, flags = item.flags}
end
