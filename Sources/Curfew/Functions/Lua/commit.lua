--------------------------------------------------------------------------------------------------
-- Commit: changes
--------------------------------------------------------------------------------------------------

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

-- What the words of our own stand for, for people.
local NAMES = {TRASH = 'RENAME', UNADD = 'XDEL', REEXPIRE = 'PEXPIREAT', REINSERT = 'LINSERT', DISMISS = 'XGROUP'}

-- Whether the user may do all that a change does: nil, or what is missing. Rights are the same for all changes of a
-- statement, whose keys are of the same kinds, so the first change of each answers for the others.
local function check_rights(statement)
  for _, words in ipairs(statement.writes) do
    local is_allowed
    if words[1] == 'TRASH' then
      is_allowed = may('RENAME', words[2], words[3])
        and may('PEXPIRE', words[3], words[4])
        and may('PEXPIRETIME', words[3]) and may('SET', words[3], '')
    elseif words[1] == 'DISMISS' then
      is_allowed = may('XGROUP', 'DELCONSUMER', words[2], words[3], words[4])
    elseif words[1] == 'REINSERT' then
      is_allowed = may('LINSERT', words[2], 'AFTER', words[3], words[4]) and may('RPUSH', words[2], words[4])
    elseif words[1] == 'REEXPIRE' then
      is_allowed = may('PTTL', words[2]) and may('PEXPIREAT', words[2], words[3])
    elseif words[1] == 'UNADD' then
      is_allowed = may('XDEL', words[2], words[3]) and may('XLEN', words[2])
        and may('XINFO', 'GROUPS', words[2]) and may('DEL', words[2])
    else
      is_allowed = may(unpack(words))
    end
    if not is_allowed then
      return 'NOPERM this user has no right to ' .. (NAMES[words[1]] or words[1]) .. ' at ' .. words[2]
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

-- The most digits of a decimal on either side of its point.
local MOST_DIGITS = 18

-- The parts of a number as it is kept in a balance: sign, digits before the point and behind it; nil where it is none.
local function number_parts(text)
  local sign, whole, fraction = string.match(text, '^(-?)(%d+)%.(%d+)$')
  if not whole then
    sign, whole = string.match(text, '^(-?)(%d+)$')
    fraction = ''
  end
  if not whole or #whole > 1 and string.sub(whole, 1, 1) == '0' then return nil end
  return sign, whole, fraction
end

-- One digit string plus or minus another of the same length, the larger first where it is minus.
local function digits_sum(one, other, is_minus)
  local carry, sum = 0, {}
  for place = #one, 1, -1 do
    local a, b = string.byte(one, place) - 48, string.byte(other, place) - 48
    local digit = is_minus and a - b - carry or a + b + carry
    if is_minus then
      carry = digit < 0 and 1 or 0
      digit = digit % 10
    else
      carry = digit > 9 and 1 or 0
      digit = digit % 10
    end
    sum[place] = string.char(digit + 48)
  end
  return (carry > 0 and '1' or '') .. table.concat(sum)
end

-- The exact sum of two numbers, of which one at least is a decimal, with the larger of their scales: no number of Redis or
-- of Lua holds it. Nil and what is wrong where there is none: 'form' or 'size'.
local function exact_sum(one, other)
  local sign_a, whole_a, fraction_a = number_parts(one)
  local sign_b, whole_b, fraction_b = number_parts(other)
  if not whole_a or not whole_b then return nil, 'form' end
  local scale = math.max(#fraction_a, #fraction_b)
  local width = math.max(#whole_a, #whole_b)
  if width > MOST_DIGITS or scale > MOST_DIGITS then return nil, 'size' end
  local a = string.rep('0', width - #whole_a) .. whole_a .. fraction_a .. string.rep('0', scale - #fraction_a)
  local b = string.rep('0', width - #whole_b) .. whole_b .. fraction_b .. string.rep('0', scale - #fraction_b)
  local sign = sign_a
  local digits
  if sign_a == sign_b then
    digits = digits_sum(a, b, false)
  elseif a >= b then
    digits = digits_sum(a, b, true)
  else
    sign, digits = sign_b, digits_sum(b, a, true)
  end
  local whole = string.gsub(string.sub(digits, 1, #digits - scale), '^0+', '')
  if whole == '' then whole = '0' end
  if #whole > MOST_DIGITS then return nil, 'size' end
  if not string.find(digits, '[1-9]') then sign = '' end
  return sign .. whole .. (scale > 0 and '.' .. string.sub(digits, -scale) or '')
end

-- The commands that add a number, and how what is there is read.
local ADDS = {INCRBY = 'GET', HINCRBY = 'HGET'}

-- What is at the place that a command adds to: false where nothing is, or the error reply.
local function addend(words)
  if words[1] == 'INCRBY' then return redis.pcall('GET', words[2]) end
  return redis.pcall('HGET', words[2], words[3])
end

local run

-- Adds what INCRBY or HINCRBY can't, because one of the two is a decimal; returns the reply, or the error reply.
local function add_exactly(words, reply)
  local amount = words[#words]
  local found = addend(words)
  if type(found) == 'table' then return found end
  local balance = found or '0'
  if not string.find(amount, '.', 1, true) and not string.find(balance, '.', 1, true) then return reply end
  local sum, wrong = exact_sum(balance, amount)
  if not sum then
    return {err = wrong == 'size' and 'ERR increment or decrement would overflow' or 'ERR value is not a number'}
  end
  if words[1] == 'INCRBY' then return redis.pcall('SET', words[2], sum, 'KEEPTTL') end
  return run({'HSET', words[2], words[3], sum})
end

-- UNADD key id: an entry of a stream that a change has added goes, and a stream that has nothing but it, and no readers.
local function take_back(words)
  local reply = redis.pcall('XDEL', words[2], words[3])
  if type(reply) == 'table' or redis.call('EXISTS', words[2]) == 0 then return reply end
  if redis.call('XLEN', words[2]) == 0 and #redis.call('XINFO', 'GROUPS', words[2]) == 0 then
    redis.call('DEL', words[2])
  end
  return reply
end

-- REINSERT key behind element: an element goes behind another, or to the tail where that is gone.
local function insert_again(words)
  local reply = redis.pcall('LINSERT', words[2], 'AFTER', words[3], words[4])
  if type(reply) == 'number' and reply <= 0 then return redis.pcall('RPUSH', words[2], words[4]) end
  return reply
end

-- REEXPIRE key ms: a key that has just been made, with one member, goes by itself at that time.
local function expire_again(words)
  local size = {list = 'LLEN', set = 'SCARD', zset = 'ZCARD', hash = 'HLEN'}
  local command = size[redis.call('TYPE', words[2]).ok]
  if command and redis.call(command, words[2]) == 1 and redis.call('PTTL', words[2]) == -1 then
    return redis.pcall('PEXPIREAT', words[2], words[3])
  end
  return 0
end

-- Runs a command of a change; the fields of a hash keep their expiries. Returns the reply, or the error reply.
run = function(words)
  if ADDS[words[1]] then
    local reply
    if not string.find(words[#words], '.', 1, true) then
      reply = redis.pcall(unpack(words))
      if type(reply) ~= 'table' or not reply.err or is_refusal(reply.err) then return reply end
    end
    return add_exactly(words, reply)
  end
  if words[1] == 'UNADD' then return take_back(words) end
  -- DISMISS key group consumer: the command has its key as its second word.
  if words[1] == 'DISMISS' then return redis.pcall('XGROUP', 'DELCONSUMER', words[2], words[3], words[4]) end
  if words[1] == 'REINSERT' then return insert_again(words) end
  if words[1] == 'REEXPIRE' then return expire_again(words) end
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
local function first_write_error(words, text)
  local why = explained(text, words[1], words[2])
  if why ~= text or not ADDS[words[1]] then return why end
  local found = addend(words)
  if type(found) ~= 'string' then return text end
  local place = words[1] == 'INCRBY' and words[2] or words[3] .. ' of ' .. words[2]
  if string.find(text, 'overflow', 1, true) then
    return 'ERR ' .. place .. ' is ' .. shown(found) .. ': ' .. words[#words] .. ' more is too large for it'
  end
  return 'ERR ' .. place .. ' is ' .. shown(found) .. ': expected a whole or decimal number'
end

-- Applies a change that may be made: nil, or why its first write was refused. A first write that is HSETNX is a guard as
-- well: 0 where the field was there. The write after it may fail too, because HDEL takes the HSETNX back exactly.
local function apply(statement, KEYS, k, ARGV, a, types)
  -- Rights are known by now, and nothing is called more often.
  local send = redis.call
  local writes = statement.writes
  statement.fill_writes(statement.tables, KEYS, k, ARGV, a)
  if not statement.is_allowed then
    local why = check_rights(statement)
    if why ~= nil then return why end
  end
  local once, entries
  for w = 1, #writes do
    local words = writes[w]
    if entries and w == statement.event then
      words = {unpack(words)}
      words[#words + 1], words[#words + 2] = 'entries', table.concat(entries, ' ')
    end
    if words[1] == 'TRASH' then
      local reply = move_to_trash(words)
      if reply and w == 1 then return reply.err end
      if reply then error(reply.err) end
      types[words[2]] = nil
    elseif w == 1 or (w == 2 and once) then
      local reply = run(words)
      if type(reply) == 'table' and reply.err then
        if once then send('HDEL', once[2], once[3]) end
        return first_write_error(words, reply.err)
      end
      types[words[2]] = NEEDS[words[1]]
      if w == 1 and words[1] == 'HSETNX' then
        if reply == 0 then return 0 end
        once = words
      end
      if statement.adds and words[1] == 'XADD' and w ~= statement.event then entries = {reply} end
    else
      local reply = run(words)
      if type(reply) == 'table' and reply.err then error(reply) end
      if statement.adds and words[1] == 'XADD' and w ~= statement.event then
        entries = entries or {}
        entries[#entries + 1] = reply
      end
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

-- Why an amount can't be added to a balance, as Redis would say it; nil where it can.
local function unfit(balance, amount)
  if string.find(balance, '.', 1, true) or string.find(amount, '.', 1, true) then
    local sum, wrong = exact_sum(balance, amount)
    if sum then return nil end
    return wrong == 'size' and 'ERR increment or decrement would overflow' or 'ERR value is not a number'
  end
  if not (balance == '0' or (#balance <= 20 and string.find(balance, '^-?[1-9]%d*$'))) then
    return 'ERR value is not an integer or out of range'
  end
  return not fits(balance, amount) and 'ERR increment or decrement would overflow' or nil
end

-- What apply would say of a change, with nothing written: the rights, and those writes that may fail on what they find.
local function rehearse(statement, KEYS, k, ARGV, a)
  statement.fill_writes(statement.tables, KEYS, k, ARGV, a)
  if not statement.is_allowed then
    local why = check_rights(statement)
    if why ~= nil then return why end
  end
  for w = 1, math.min(2, #statement.writes) do
    local words = statement.writes[w]
    if w == 1 and words[1] == 'HSETNX' then
      local found = redis.pcall('HEXISTS', words[2], words[3])
      if type(found) == 'table' then return explained(found.err, 'HSETNX', words[2]) end
      if found == 1 then return 0 end
    elseif ADDS[words[1]] then
      local found = addend(words)
      if type(found) == 'table' then return explained(found.err, words[1], words[2]) end
      local why = found and unfit(found, words[#words])
      if why then return first_write_error(words, why) end
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
local function execute(KEYS, first, ARGV, before, progress, is_check)
  local apply_or_rehearse = is_check and rehearse or apply
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

  local removed, scored, answer, types = {}, {}, progress.answer, {}
  local position = 0
  while a <= #ARGV do
    local changes = tonumber(ARGV[a + 1])
    -- Values are counted from 1, so `a` stands right before the first.
    local statement, shared = begin_run(statements, ARGV[a], ARGV, a + 1)
    a = a + 1 + shared
    for _ = 1, changes do
      position = position + 1
      local why = check_change(statement, KEYS, k, ARGV, a, types)
      if why == nil then
        progress.position = position
        why = apply_or_rehearse(statement, KEYS, k, ARGV, a, types)
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
      a = a + statement.each
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
--                        where index = score], …; where all changes of the run have the same values at some places (not
--                        that of member or score), these are named behind the number (“1=4,5”), and the values come once,
--                        before those of each
-- Returns:    {'fenced', fence and holder that are current}, or {'ok', position, why, position, why, …} with an entry for
--             each change that was not made: why = number of the guard that did not hold (0: HSETNX found its field), or
--             the error text of a refused one
-- Complexity: O(changes × their commands); the caller keeps a call near a millisecond
local function commit(KEYS, ARGV)
  return execute(KEYS, 0, ARGV, 0, {answer = {'ok'}})
end

-- Purpose:    says what curfew_commit would answer, and writes nothing: for previews
-- KEYS, ARGV, Returns, Complexity: those of curfew_commit
local function check(KEYS, ARGV)
  return execute(KEYS, 0, ARGV, 0, {answer = {'ok'}}, true)
end

offer('curfew_commit', commit)
-- The same for what is Curfew's own and small, and must be written down most of all where Redis is full.
offer('curfew_note', commit, 'allow-oom')
offer('curfew_check', check, 'no-writes')
