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
  XLEN = 'stream', XTRIM = 'stream', HLEN = 'hash', ZCARD = 'zset', ZCOUNT = 'zset', ZMSCORE = 'zset', ZRANGE = 'zset',
  ZRANGEBYSCORE = 'zset', ZREMRANGEBYSCORE = 'zset',
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
