--------------------------------------------------------------------------------------------------
-- The tick: what an instance can claim, when it looks again, what is overdue
--------------------------------------------------------------------------------------------------
--
-- A tick costs O(log C + claims), however many cleanups there are. What an instance knows is told once (curfew_register)
-- and kept by the name of the registration, which all instances with the same configuration share:
--
--     knows:<registration>   hash: cleanup -> '0' or '1' (dry run), then its policy; the field '' says that it is whole
--     mates:<registration>   zset: living instances with that registration -> last seen ms
--     running                zset: cleanup that runs -> how late it began, in ms, negative: the latest come first
--
-- Heartbeats keep the first two alive. Where they are gone (FLUSHALL, a long silence), the answer asks the first instance
-- to register again, and the others to wait for it. `running` repairs itself: versions without it don't know of it.

-- No call may walk further than these.
local MOST_OVERDUE, MOST_LOOKED, MOST_CLAIMS = 1000, 256, 64
-- A heartbeat walks further, so that what is paused doesn't cost it more ticks.
local MOST_LOOKED_BY_HEARTBEAT = 1024
-- How much of what is due is looked at for what is overdue, paused or not, by the one instance that does so.
local MOST_WATCHED = 10000
-- How many names are looked at together.
local PAGE = 64
-- How many of those that come next are looked at: each costs every tick a microsecond, and saves one to those that would
-- look when it is due.
local MOST_NEXT = 4
-- In a fleet of that size all look at everything (LookOrder), so that it makes no difference whether it runs.
local SMALL_FLEET = 64
-- What is due within this time of the next is due together with it, in ms.
local TOGETHER_MS = 100
-- How many of the running are looked after with a heartbeat; how many are looked at for leases that end, and how many of
-- these are told.
local MOST_TENDED, MOST_RUNNING, MOST_ENDING = 32, 256, 8
-- How long one instance may take to register before another does, in ms, and how long the others wait meanwhile.
local REGISTERING_MS, WAITING_MS = 2000, 100

-- Purpose:    tells what the instances of a registration know, and puts it on the schedule where it isn't yet
-- KEYS:       schedule, knows:<registration>
-- ARGV:       how long it is remembered without a heartbeat (ms), whether this completes it (0|1), then per cleanup: name,
--             policy, dry run (0|1), every ms (0 = cron), next occurrence ms (cron)
-- Returns:    OK
-- Complexity: O(n log C) for n cleanups
local function register(KEYS, ARGV)
  local now = ms(now_ms())
  local scores, known = {}, {}
  for a = 3, #ARGV, 5 do
    scores[#scores + 1] = tonumber(ARGV[a + 3]) > 0 and now or ARGV[a + 4]
    scores[#scores + 1] = ARGV[a]
    known[#known + 1] = ARGV[a]
    known[#known + 1] = ARGV[a + 2] .. ARGV[a + 1]
  end
  if #scores > 0 then
    call('ZADD', KEYS[1], 'NX', unpack(scores))
    call('HSET', KEYS[2], unpack(known))
  end
  if ARGV[2] == '1' then
    call('HSET', KEYS[2], '', '1')
    call('DEL', KEYS[2] .. ':by')
  end
  call('PEXPIRE', KEYS[2], ARGV[1])
  return 'OK'
end

-- Whether this instance is the one that registers: the first that asks, so that a fleet doesn't do it all at once.
local function is_registrar(knows, instance)
  local by = knows .. ':by'
  if call('SET', by, instance, 'NX', 'PX', REGISTERING_MS) then return true end
  if call('GET', by) == instance then return true end
  -- Nobody else writes here, but if somebody did, it would be for ever.
  if call('PTTL', by) < 0 then call('PEXPIRE', by, REGISTERING_MS) end
  return false
end

-- Which of these names are paused; mostly none, which is found out once.
local function pauses_of(names, keys)
  if keys.has_pauses == nil then keys.has_pauses = call('EXISTS', keys.paused) == 1 end
  if not keys.has_pauses or #names == 0 then return {} end
  return call('HMGET', keys.paused, unpack(names))
end

-- What is told of each of these names, by name; nothing of those that are unknown or paused.
local function open_among(names, keys)
  if #names == 0 then return {} end
  local known, pauses = call('HMGET', keys.knows, unpack(names)), pauses_of(names, keys)
  local open = {}
  for place, name in ipairs(names) do
    if known[place] and not pauses[place] then open[name] = known[place] end
  end
  return open
end

-- Wants a cleanup, unless there is something wrong with it, which is told. Returns whether it is wanted.
local function add_wanted(wanted, keys, name, told, score)
  local one = {name = name, policy = string.sub(told, 2), dry_run = string.sub(told, 1, 1), score = score}
  local flaw = flaw_of(keys, one)
  if flaw then
    keys.flaws[#keys.flaws + 1] = name
    keys.flaws[#keys.flaws + 1] = flaw
    return false
  end
  wanted[#wanted + 1] = one
  return true
end

-- A page of what is due, with the scores, from that place on. The first one is read once for all that look at it.
local function due_page(keys, at, now, size)
  if at == 0 and keys.head then return keys.head end
  local page = call('ZRANGEBYSCORE', keys.schedule, '-inf', ms(now), 'WITHSCORES', 'LIMIT', at, size or PAGE)
  if at == 0 then keys.head = page end
  return page
end

-- Adds what is due, known and not paused to `wanted`, most overdue first, up to `places` in all. The first `rank` of the
-- schedule are stepped over, if `last` is still the last of them: an earlier tick has found nothing to claim there.
-- Returns how many there are now, the last of them, and whether more is to be looked at.
local function find_due(wanted, keys, places, rank, last, now)
  if rank > 0 and call('ZRANGE', keys.schedule, rank - 1, rank - 1)[1] ~= last then rank = 0 end
  local at, looked, is_head, is_more = rank, 0, true, false
  local taken = {}
  for _, one in ipairs(wanted) do taken[one.name] = true end
  while #wanted < places do
    if looked >= keys.most_looked then
      is_more = true
      break
    end
    local page = due_page(keys, at, now)
    local names = {}
    for i = 1, #page, 2 do names[#names + 1] = page[i] end
    local open = open_among(names, keys)
    for place, name in ipairs(names) do
      local told, is_taken = open[name], taken[name]
      if told and not is_taken and #wanted < places then
        is_taken = add_wanted(wanted, keys, name, told, tonumber(page[2 * place]))
        -- What can't be claimed is stepped over like what is unknown.
        told = is_taken and told
      end
      -- What is claimed moves away from the head, so that it doesn't count there.
      if told then
        is_head = is_head and is_taken
      elseif is_head then
        rank, last = rank + 1, name
      end
    end
    at, looked = at + #names, looked + #names
    if #names < PAGE then break end
  end
  return rank, last, is_more
end

-- Looks after some of those that run, others with each heartbeat: a lease that counts as run out, because the clock has
-- stepped back, is wanted; what has ended without saying so here is forgotten.
local function tend_running(wanted, keys, places, heartbeat_ms, now)
  local count = call('ZCARD', keys.running)
  keys.is_quiet = count == 0
  if keys.is_quiet then return end
  local start = math.floor(now / heartbeat_ms) % math.ceil(count / MOST_TENDED) * MOST_TENDED
  local names, ahead = call('ZRANGE', keys.running, start, start + MOST_TENDED - 1), {}
  for _, name in ipairs(names) do
    local held = redis.pcall('HMGET', beside(keys.schedule, 'lease:' .. name), 'run', 'renewed_ms')
    if not held.err and not held[1] then
      call('ZREM', keys.running, name)
    elseif not held.err and is_ahead(held[2], now) then
      ahead[#ahead + 1] = name
    end
  end
  local open = open_among(ahead, keys)
  for _, name in ipairs(ahead) do
    if open[name] and #wanted < places then add_wanted(wanted, keys, name, open[name], now) end
  end
end

-- When a cleanup that runs was due; nil where that can't be read.
local function due_of(keys, name)
  local due = redis.pcall('HGET', beside(keys.schedule, 'lease:' .. name), 'due_ms')
  return type(due) == 'string' and tonumber(due) or nil
end

-- Since when what is past its time is overdue, and how late what runs began; known to this instance or not, but not what
-- is paused. Also whether there may be more.
local function find_overdue(keys, now)
  local overdue, seen, is_partial = {}, {}, false
  local function add(name, late)
    if late <= 0 or seen[name] then return end
    is_partial = is_partial or #overdue >= 2 * MOST_OVERDUE
    if is_partial then return end
    seen[name] = true
    overdue[#overdue + 1] = name
    overdue[#overdue + 1] = ms(late)
  end
  local at, size = 0, PAGE
  while not is_partial do
    local page = due_page(keys, at, now, size)
    if #page == 0 then break end
    local names = {}
    for i = 1, #page, 2 do names[#names + 1] = page[i] end
    local pauses = pauses_of(names, keys)
    local begun = keys.is_quiet and {} or call('ZMSCORE', keys.running, unpack(names))
    for place, name in ipairs(names) do
      if not pauses[place] then
        add(name, now - (begun[place] and due_of(keys, name) or tonumber(page[2 * place])))
      end
      seen[name] = true
    end
    at = at + #names
    if #names < size then break end
    size = 4 * PAGE
    is_partial = is_partial or at >= MOST_WATCHED
  end
  if keys.is_quiet then return overdue, is_partial end
  local late = call('ZRANGEBYSCORE', keys.running, '-inf', '(0', 'WITHSCORES', 'LIMIT', 0, MOST_OVERDUE)
  local names = {}
  for i = 1, #late, 2 do names[#names + 1] = late[i] end
  is_partial = is_partial or #names == MOST_OVERDUE
  local pauses = pauses_of(names, keys)
  for place, name in ipairs(names) do
    if not pauses[place] then add(name, -tonumber(late[2 * place])) end
  end
  return overdue, is_partial
end

-- How many are due together with the first, as far as possible counted in these rows.
local function count_together(keys, rows, first)
  local last = first + TOGETHER_MS
  if #rows == 2 * MOST_NEXT and tonumber(rows[#rows]) <= last then
    return call('ZCOUNT', keys.schedule, ms(first), ms(last))
  end
  local count = 0
  for i = 2, #rows, 2 do
    local score = tonumber(rows[i])
    if score >= first and score <= last then count = count + 1 end
  end
  return count
end

-- What comes next of what is known and not paused: of each its name, the ms until then, and whether it runs and that is
-- when its lease ends (1, else 0); how long there is nothing to do; how many are due together with the first; and the ms
-- until there may be more than these, if that is known. `rows` is the beginning of the schedule, if nothing there is due.
local function find_next(keys, rows, living, heartbeat_ms, now)
  rows = rows or call('ZRANGEBYSCORE', keys.schedule, '(' .. ms(now), '+inf', 'WITHSCORES', 'LIMIT', 0, MOST_NEXT)
  local names, coming = {}, {}
  for i = 1, #rows, 2 do names[#names + 1] = rows[i] end
  local open = open_among(names, keys)
  local begun = living > SMALL_FLEET and #names > 0 and call('ZMSCORE', keys.running, unpack(names)) or {}
  local first
  for place, name in ipairs(names) do
    if open[name] then
      local score = tonumber(rows[2 * place])
      first = first or score
      coming[#coming + 1] = name
      coming[#coming + 1] = ms(score - now)
      coming[#coming + 1] = begun[place] and '1' or '0'
    end
  end
  -- Behind these there may be others.
  local horizon = #names == MOST_NEXT and tonumber(rows[#rows]) - now
  if not first then return coming, math.min(heartbeat_ms, horizon or heartbeat_ms), 0, horizon end
  return coming, math.min(heartbeat_ms, first - now), count_together(keys, rows, first), horizon
end

-- Adds leases that end before the next heartbeat, unless they are renewed: in a large fleet few look at what comes next, but
-- all look where a lease ends, since many may have gone together. Of very many others are looked at each time.
local function add_ending(coming, keys, heartbeat_ms, now)
  local count, listed = call('ZCARD', keys.running), {}
  if count == 0 then return end
  for i = 1, #coming, 3 do listed[coming[i]] = true end
  local start = math.floor(now / heartbeat_ms) % math.ceil(count / MOST_RUNNING) * MOST_RUNNING
  local names, ending = call('ZRANGE', keys.running, start, start + MOST_RUNNING - 1), {}
  if #names == 0 then return end
  for place, score in ipairs(call('ZMSCORE', keys.schedule, unpack(names))) do
    local left = score and tonumber(score) - now
    if left and left > 0 and left <= heartbeat_ms and not listed[names[place]] then
      ending[#ending + 1] = {name = names[place], left = left}
    end
  end
  table.sort(ending, function(one, other) return one.left < other.left end)
  names = {}
  for place = 1, math.min(#ending, MOST_ENDING) do names[place] = ending[place].name end
  local open = open_among(names, keys)
  for place, name in ipairs(names) do
    if open[name] then
      coming[#coming + 1] = name
      coming[#coming + 1] = ms(ending[place].left)
      coming[#coming + 1] = '1'
    end
  end
end

-- Says that the instance lives, and keeps what it has registered.
local function beat(KEYS, instance, heartbeat_ms, lease_ms, fields, now)
  local silence = math.max(3 * heartbeat_ms, lease_ms)
  call('ZADD', KEYS[3], ms(now), instance)
  call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ms(now - 86400000))
  call('HSET', KEYS[4], unpack(fields))
  call('PEXPIRE', KEYS[4], silence)
  call('ZADD', KEYS[10], ms(now), instance)
  call('ZREMRANGEBYSCORE', KEYS[10], '-inf', ms(now - silence))
  call('PEXPIRE', KEYS[10], 2 * silence)
  call('PEXPIRE', KEYS[9], 2 * silence)
end

-- Whether something is no longer registered or not on the schedule: removed by hand, or with the whole of it.
local function is_incomplete(keys, probes)
  if call('ZCARD', keys.schedule) < call('HLEN', keys.knows) - 1 then return true end
  if #probes == 0 then return false end
  local scores, known = call('ZMSCORE', keys.schedule, unpack(probes)), call('HMGET', keys.knows, unpack(probes))
  for place in ipairs(probes) do
    if not scores[place] or not known[place] then return true end
  end
  return false
end

-- Whether this instance looks for what is overdue, on behalf of all with its configuration, `watch`: if it does already, or
-- nobody does any more. Then how many cleanups owe a run, else ''.
local function watch_for(keys, watch, instance, heartbeat_ms)
  if watch == '' then return '' end
  local key = beside(keys.schedule, 'watch:' .. watch)
  -- Whatever else may be there is replaced.
  local holder = redis.pcall('GET', key)
  if type(holder) == 'string' and holder ~= instance then return '' end
  -- Somebody else takes over soon after the last heartbeat of the one that watches.
  call('SET', key, instance, 'PX', math.floor(heartbeat_ms * 1.25))
  return ms(call('HLEN', beside(keys.schedule, 'owed')))
end

-- Purpose:    says that an instance lives, and claims what is due of what it has registered, up to its free places
-- KEYS:       schedule, fence, instances, instance:<id>, paused, runs, metrics, running, knows:<registration>,
--             mates:<registration>
-- ARGV:       instance, lease ms, heartbeat ms, free places, stream length, whether to look after what runs (0|1), how
--             many at the head of the schedule are stepped over, the last of them, the configuration that has alerts on
--             what is overdue ('' = don't ask), count n of instance fields (0 = no heartbeat), n names and values, count m
--             of metric fields (0 = no entry), m names and values, then some of the cleanups that the instance knows, to
--             see whether they are still registered and on the schedule
-- Returns:    a flat list of names and values: version, now, sleep (ms), overdue (flat list of cleanup, ms), claims (of
--             each a flat list: claim, run, fence, term, due, late (ms since it could be claimed), lost, and what is known
--             from before: definition, owed, clock), next (flat list of cleanup, ms until then, whether that is when its
--             lease ends (0|1)), together (how many are due with the first of these), horizon (ms until there may be more
--             than these, '' = none), mates (how many live with this registration), rank and last (what to step over next
--             time), more (1: look on at once), register ('' · now · wait: another instance does), owing (if this instance
--             looks for what is overdue: how many owe a run; else ''), partial (1: there may be more that is overdue),
--             flaws (flat list of cleanup, and why it can't be claimed)
-- Complexity: O(log C + claims); with a heartbeat bounded by the numbers above
local function tick(KEYS, ARGV)
  local now = now_ms()
  local keys = {
    schedule = KEYS[1], fence = KEYS[2], paused = KEYS[5], runs = KEYS[6], metrics = KEYS[7], running = KEYS[8],
    knows = KEYS[9], flaws = {}, most_looked = ARGV[6] == '1' and MOST_LOOKED_BY_HEARTBEAT or MOST_LOOKED,
  }
  local instance, lease_ms, heartbeat_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
  local places, length, watches = math.min(tonumber(ARGV[4]), MOST_CLAIMS), ARGV[5], ARGV[6] == '1'
  local rank, last = tonumber(ARGV[7]), ARGV[8]
  local watch = ARGV[9]
  local a = 10
  local count = tonumber(ARGV[a]) * 2
  if count > 0 then beat(KEYS, instance, heartbeat_ms, lease_ms, {unpack(ARGV, a + 1, a + count)}, now) end
  a = a + count + 1
  count = tonumber(ARGV[a]) * 2
  if count > 0 then call('XADD', keys.metrics, 'MAXLEN', '~', length, '*', unpack(ARGV, a + 1, a + count)) end
  local probes = {unpack(ARGV, a + count + 1)}

  local wanted, coming, sleep, together, horizon, is_more, is_lacking = {}, {}, heartbeat_ms, 0, nil, false, false
  local living = call('ZCARD', KEYS[10])
  if not call('HGET', keys.knows, '') then
    is_lacking = true
  else
    if watches then
      is_lacking = is_incomplete(keys, probes)
      tend_running(wanted, keys, places, heartbeat_ms, now)
    end
    -- Mostly nothing is due; then the beginning of the schedule is what comes next.
    local head = call('ZRANGE', keys.schedule, 0, MOST_NEXT - 1, 'WITHSCORES')
    if head[2] and tonumber(head[2]) <= now then head = nil end
    if not head and #wanted < places then rank, last, is_more = find_due(wanted, keys, places, rank, last, now) end
    if #wanted < places then
      coming, sleep, together, horizon = find_next(keys, head, living, heartbeat_ms, now)
      if watches and living > SMALL_FLEET then add_ending(coming, keys, heartbeat_ms, now) end
    else
      -- Without a free place there is nothing to do until a run ends.
      is_more = places < tonumber(ARGV[4])
    end
  end
  local register_word = ''
  if is_lacking then
    register_word = is_registrar(keys.knows, instance) and 'now' or 'wait'
    sleep = math.min(sleep, WAITING_MS)
  end
  local owing = watch_for(keys, watch, instance, heartbeat_ms)
  local overdue, is_partial = {}, false
  if owing ~= '' then overdue, is_partial = find_overdue(keys, now) end
  local claimant = {instance = instance, lease_ms = lease_ms, trigger = 'schedule', length = length}
  -- Last, because it writes: whatever can't be read has been found out by now.
  local claims = take(keys, claimant, wanted, now)
  return {'version', VERSION, 'now', ms(now), 'sleep', ms(math.max(1, sleep)), 'overdue', overdue, 'claims', claims,
    'next', coming, 'together', ms(together), 'horizon', horizon and ms(horizon) or '', 'mates', ms(living),
    'rank', ms(rank), 'last', last, 'more', is_more and '1' or '', 'register', register_word,
    'owing', owing, 'partial', is_partial and '1' or '', 'flaws', keys.flaws}
end

offer('curfew_register', register, 'allow-oom')
offer('curfew_tick', tick, 'allow-oom')
