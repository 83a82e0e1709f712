--------------------------------------------------------------------------------------------------
-- Coordination: schedule, lease, fence
--------------------------------------------------------------------------------------------------

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

-- The largest whole number that a double holds.
local MOST_EXACT = 9007199254740992

-- Reads what a claim of one cleanup goes on from: its lease, and that its fence can be counted on. Returns what is wrong
-- with these, nil if nothing is: then it must not be claimed, and must not keep others from being claimed.
local function flaw_of(own, one)
  one.lease = beside(own.schedule, 'lease:' .. one.name)
  local held = redis.pcall('HMGET', one.lease, 'run', 'due_ms')
  if held.err then return explained(held.err, 'HMGET', one.lease) end
  one.run = held[1]
  one.due = held[1] and number(held[2]) or one.score
  local fence = call('HGET', own.fence, one.name)
  if fence and not (string.match(fence, '^%-?%d+$') and math.abs(tonumber(fence)) < MOST_EXACT) then
    return 'ERR ' .. own.fence .. ' has ' .. string.sub(fence, 1, 100) .. ' for ' .. one.name .. ': expected a whole number'
  end
end

-- Claims cleanups that are free: lease + fence + schedule score, of all of them in one step. Everything is read before
-- anything is written: where something can't be read, there must be no claim that nobody hears of, and no entry that is
-- written again with the next try.
-- `own` has the keys schedule, fence, runs, metrics and running; each of `wanted` name, policy, dry_run and score, and what
-- flaw_of has found, which is nothing wrong.
-- Returns of each a flat list of names and values.
local function take(own, claimant, wanted, now)
  if #wanted == 0 then return {} end
  local names, scores, starts, is_lost = {}, {}, {}, false
  for place, one in ipairs(wanted) do
    names[place] = one.name
    is_lost = is_lost or one.run
  end
  local definitions = call('HMGET', beside(own.schedule, 'definitions'), unpack(names))
  local owed = call('HMGET', beside(own.schedule, 'owed'), unpack(names))
  local clock = call('HMGET', beside(own.schedule, 'alert:clock'), 'step_ms', 'total_ms', 'seen_ms')
  call('ZCARD', own.running)
  if is_lost then
    call('XLEN', own.runs)
    call('XLEN', own.metrics)
  end

  for _, one in ipairs(wanted) do
    one.lost = ''
    if one.run then
      one.lost = add_lost(own.runs, own.metrics, claimant.length, one.lease, one.name, one.policy, now)
    end
    one.fence = ms(call('HINCRBY', own.fence, one.name, 1))
  end
  local claims = {}
  for place, one in ipairs(wanted) do
    local run = one.name .. '-' .. one.fence
    call('DEL', one.lease)
    call('HSET', one.lease, 'instance', claimant.instance, 'run', run, 'fence', one.fence, 'acquired_ms', ms(now),
      'renewed_ms', ms(now), 'due_ms', ms(one.due), 'trigger', claimant.trigger, 'dry_run', one.dry_run, 'found', '0',
      'changed', '0', 'failed', '0', 'progress', '0', 'step', 'claimed')
    scores[2 * place - 1], scores[2 * place] = ms(now + claimant.lease_ms), one.name
    starts[2 * place - 1], starts[2 * place] = ms(math.min(0, one.due - now)), one.name
    claims[place] = {
      'claim', one.name, 'run', run, 'fence', one.fence, 'term', term_of(one.fence, claimant.instance, ms(now)),
      'due', ms(one.due), 'late', ms(math.max(0, now - one.score)), 'lost', one.lost,
      'definition', definitions[place] or '', 'owed', owed[place] or '', 'clock', clock,
    }
  end
  call('ZADD', own.schedule, unpack(scores))
  call('ZADD', own.running, unpack(starts))
  return claims
end

-- Whether a lease was renewed in the future: it ends later than a lease from now can, so the clock has stepped back since,
-- and nobody knows when it ought to have ended. It counts as run out.
local function is_ahead(renewed_ms, now)
  return number(renewed_ms) > now + STEP_MS
end

-- Purpose:    claims one cleanup that somebody asks for, due or not, with an entry in the events that says who.
-- KEYS:       schedule, fence, paused, runs, metrics, running, lease:<cleanup>, events
-- ARGV:       instance, lease ms, trigger, stream length, cleanup, policy, dry run (0|1), every ms (0 = cron), next
--             occurrence ms (cron), count n of words of the entry (0 = none), n names and values of it (the run comes
--             before them, at_ms after)
-- Returns:    a flat list of names and values: version, now, and one of claims (a list of one, as of curfew_tick) · held
--             (with holder, run, until) · paused (the JSON); or an error where the events are no stream
-- Complexity: O(log C)
local function claim(KEYS, ARGV)
  local now = now_ms()
  local schedule, lease, name, count = KEYS[1], KEYS[7], ARGV[5], tonumber(ARGV[10])
  -- Asked first: a claim that can't be noted must not be made.
  local wrong = count > 0 and wrong_type(KEYS[8], 'stream')
  if wrong then return redis.error_reply(wrong) end
  local answer = {'version', VERSION, 'now', ms(now)}
  local function add(key, value)
    answer[#answer + 1] = key
    answer[#answer + 1] = value
  end
  local held = call('HMGET', lease, 'run', 'instance', 'renewed_ms')
  local score = tonumber(call('ZSCORE', schedule, name) or nil)
  if score == nil then
    score = tonumber(ARGV[8]) > 0 and now or tonumber(ARGV[9])
    call('ZADD', schedule, ms(score), name)
  end
  if held[1] and is_ahead(held[3], now) then score = math.min(score, now) end
  local pause = call('HGET', KEYS[3], name)
  -- Undoing is what one pauses for: it may be done meanwhile.
  if pause and ARGV[3] ~= 'undo' then
    add('paused', pause)
    return answer
  end
  if held[1] and score > now then
    add('held', name)
    add('holder', held[2] or '')
    add('run', held[1])
    add('until', ms(score))
    return answer
  end
  local own = {schedule = schedule, fence = KEYS[2], runs = KEYS[4], metrics = KEYS[5], running = KEYS[6]}
  local claimant = {instance = ARGV[1], lease_ms = tonumber(ARGV[2]), trigger = ARGV[3], length = ARGV[4]}
  local wanted = {name = name, policy = ARGV[6], dry_run = ARGV[7], score = score}
  local flaw = flaw_of(own, wanted)
  if flaw then return redis.error_reply(flaw) end
  local claims = take(own, claimant, {wanted}, now)
  if count > 0 then
    local event = {unpack(ARGV, 11, 10 + count)}
    event[count + 1], event[count + 2] = 'at_ms', ms(now)
    call('XADD', KEYS[8], 'MAXLEN', '~', ARGV[4], '*', 'run', claims[1][4], unpack(event))
  end
  add('claims', claims)
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

-- Purpose:    ends runs, all of them in one step: history, metrics, next due time, release of the lease. Streams are trimmed
--             by age here, once for all that end together.
-- KEYS:       schedule, runs, metrics, events, alerts, then of each run: lease:<cleanup>, and the hashes of the alerts on
--             this cleanup
-- ARGV:       wake channel, stream length, age ms of runs, metrics, events, alerts, then of each run: cleanup, term, next
--             due ms ('now' = at once, and wake the others), number of its alerts, count n of run fields, n names and
--             values, count m of metric fields, m names and values
-- Returns:    of each run {'ok', then definition, state and since of each alert, '' where unknown, then the cleanup's
--             definition, if any}, or {'lost'} where the lease is no longer this one
-- Complexity: O(runs · log C + alerts); the trimming is approximate and bounded by Redis
local function finish(KEYS, ARGV)
  local now, length = now_ms(), ARGV[2]
  local ends, answers = {}, {}
  local key, a = 6, 7
  -- Everything is read before anything is written: where something can't be read, no other run has ended half.
  while ARGV[a] do
    local name, due, count = ARGV[a], ARGV[a + 2], tonumber(ARGV[a + 3])
    local lease, is_current, answer = KEYS[key], is_of(KEYS[key], ARGV[a + 1]), {'lost'}
    if is_current then
      answer[1] = 'ok'
      for alert = key + 1, key + count do
        -- An alert that can't be read, which its publication says, keeps no run from ending.
        local known = redis.pcall('HMGET', KEYS[alert], 'definition', 'state:' .. name, 'since_ms:' .. name)
        for field = 1, 3 do answer[#answer + 1] = known[field] or '' end
      end
      answer[#answer + 1] = call('HGET', beside(KEYS[1], 'definitions'), name) or nil
    end
    answers[#answers + 1] = answer
    key, a = key + 1 + count, a + 4
    count = tonumber(ARGV[a]) * 2
    local run = {unpack(ARGV, a + 1, a + count)}
    a = a + count + 1
    count = tonumber(ARGV[a]) * 2
    if is_current then
      local metrics = {unpack(ARGV, a + 1, a + count)}
      ends[#ends + 1] = {name = name, due = due, lease = lease, run = run, metrics = metrics}
    end
    a = a + count + 1
  end
  if #ends == 0 then return answers end

  local leases, names, scores = {}, {}, {}
  for place, one in ipairs(ends) do names[place] = one.name end
  -- First what may be repeated, and shows that the rest can be written: an entry must not be written with every try.
  call('ZCARD', KEYS[1])
  call('ZREM', beside(KEYS[1], 'running'), unpack(names))
  for stream = 2, 5 do
    call('XTRIM', KEYS[stream], 'MINID', '~', ms(math.max(0, now - tonumber(ARGV[stream + 1]))))
  end
  for place, one in ipairs(ends) do
    add_run(KEYS[2], length, one.run)
    call('XADD', KEYS[3], 'MAXLEN', '~', length, '*', unpack(one.metrics))
    leases[place] = one.lease
    scores[2 * place - 1], scores[2 * place] = one.due == 'now' and ms(now) or one.due, one.name
  end
  call('DEL', unpack(leases))
  call('ZADD', KEYS[1], unpack(scores))
  for _, one in ipairs(ends) do
    if one.due == 'now' then call('PUBLISH', ARGV[1], one.name) end
  end
  return answers
end

offer('curfew_claim', claim, 'allow-oom')
offer('curfew_renew', renew, 'allow-oom')
offer('curfew_finish', finish, 'allow-oom')
