--------------------------------------------------------------------------------------------------
-- Commit: statements
--
-- A call carries many changes of a few kinds. What those of a kind have in common, a statement, is sent once, as JSON with
-- holes, and compiled: into tables of words, and into two functions of generated Lua that fill the holes of these tables
-- with what a change brings along. Statements that were compiled lately are kept by their text.
--------------------------------------------------------------------------------------------------

-- Guards that read a key with a command of one type prove its type on the way.
local PROVES = {
  equals = 'hash', differs = 'hash', absent = 'hash', text = 'string', holds = 'list', known_hash = 'hash',
  known_text = 'string', score = 'zset', listed = 'zset', contains = 'set', delivered = 'stream',
  -- Where nothing is, anything can be made.
  missing = 'any',
}

-- What a guard that doesn't hold answers: false where what was read has changed, or the text of an error reply.
local function unmet(found, command, key)
  if type(found) == 'table' then return explained(found.err, command, key) end
  return false
end

-- How the size of what is at a key is asked for; of a text it is the number that it holds.
local COUNTS = {string = 'GET', list = 'LLEN', set = 'SCARD', zset = 'ZCARD', hash = 'HLEN', stream = 'XLEN'}

-- How far a list is walked for an element that is near neither of its ends: about a millisecond.
local LONGEST_LIST = 100000

-- How a member of what is at a key is looked for; how far a list is searched from its end.
local LOOKS = {list = 'LPOS', set = 'SISMEMBER', zset = 'ZSCORE', hash = 'HEXISTS'}
local MOST_SEARCHED = 1000

-- Each guard returns nil where it holds. What is usual is compared first: an error is a table, and equals no text.
local GUARDS = {
  equals = function(key, field, value)
    local found = redis.pcall('HGET', key, field)
    if found ~= value then return unmet(found, 'HGET', key) end
  end,
  differs = function(key, field, value)
    local found = redis.pcall('HGET', key, field)
    if found == value or type(found) == 'table' then return unmet(found, 'HGET', key) end
  end,
  absent = function(key, field)
    local found = redis.pcall('HEXISTS', key, field)
    if found ~= 0 then return unmet(found, 'HEXISTS', key) end
  end,
  text = function(key, _, value)
    local found = redis.pcall('GET', key)
    if found ~= value then return unmet(found, 'GET', key) end
  end,
  exists = function(key)
    local found = redis.pcall('EXISTS', key)
    if found ~= 1 then return unmet(found, 'EXISTS', key) end
  end,
  missing = function(key)
    local found = redis.pcall('EXISTS', key)
    if found ~= 0 then return unmet(found, 'EXISTS', key) end
  end,
  score = function(key, member, value)
    local found = redis.pcall('ZSCORE', key, member)
    if found ~= value then return unmet(found, 'ZSCORE', key) end
  end,
  -- What the caller has read a moment ago, where it is only asked what would become of a change.
  known_hash = function() end,
  known_text = function() end,
  listed = function(key, member)
    local found = redis.pcall('ZSCORE', key, member)
    if type(found) ~= 'string' then return unmet(found, 'ZSCORE', key) end
  end,
  contains = function(key, member)
    local found = redis.pcall('SISMEMBER', key, member)
    if found ~= 1 then return unmet(found, 'SISMEMBER', key) end
  end,
  -- Nothing at the key has no members; of a list too long to be searched it can't be told.
  unlisted = function(key, member)
    local kind = redis.pcall('TYPE', key)
    if kind.err then return explained(kind.err, 'TYPE', key) end
    if kind.ok == 'none' then return nil end
    if kind.ok == 'list' and redis.call('LLEN', key) > LONGEST_LIST then return false end
    local command = LOOKS[kind.ok]
    if not command then return false end
    local found = redis.pcall(command, key, member)
    if found ~= false and found ~= 0 or kind.ok == 'list' and found == 0 then return unmet(found, command, key) end
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
  -- A list is walked from its end; `field`: how far, where that is known.
  holds = function(key, field, value)
    local found = redis.pcall('LPOS', key, value, 'RANK', -1, 'MAXLEN', field == '' and MOST_SEARCHED or field)
    if type(found) ~= 'number' then return unmet(found, 'LPOS', key) end
  end,
  -- `field`: the group; `value`: for how many milliseconds the consumer must have been idle, a space, and its name.
  idle_consumer = function(key, group, value)
    local idle, name = string.match(value, '^(%d+) (.*)$')
    local found = redis.pcall('XINFO', 'CONSUMERS', key, group)
    if found.err then return explained(found.err, 'XINFO', key) end
    for _, facts in ipairs(found) do
      local known = {}
      for place = 1, #facts, 2 do known[facts[place]] = facts[place + 1] end
      if known.name == name and known.pending == 0 and known.idle >= tonumber(idle) then return nil end
    end
    return false
  end,
  -- No group has read that entry, or any later one; where it is gone, there is nothing to be read.
  unread = function(key, _, id)
    local function is_before(one, other)
      local a, b = string.match(one, '^(%d+)%-(%d+)$')
      local c, d = string.match(other, '^(%d+)%-(%d+)$')
      local function less(x, y) return #x < #y or (#x == #y and x < y) end
      return less(a, c) or (a == c and less(b, d))
    end
    if redis.call('EXISTS', key) == 0 then return nil end
    local found = redis.pcall('XINFO', 'GROUPS', key)
    if found.err then return explained(found.err, 'XINFO', key) end
    for _, facts in ipairs(found) do
      for place = 1, #facts, 2 do
        if facts[place] == 'last-delivered-id' and not is_before(facts[place + 1], id) then return false end
      end
    end
  end,
  -- `field`: the id of the entry, a space, and the group; `value`: how often it was delivered, a space, and to whom last.
  delivered = function(key, field, value)
    local id, group = string.match(field, '^(%S+) (.*)$')
    -- Without a group it is enough that it is there.
    if group == '' then
      local found = redis.pcall('XRANGE', key, id, id)
      if found.err then return explained(found.err, 'XRANGE', key) end
      if #found == 0 then return false end
      return nil
    end
    local found = redis.pcall('XPENDING', key, group, id, id, 1)
    if found.err then return explained(found.err, 'XPENDING', key) end
    local held = found[1] and found[1][4] .. ' ' .. found[1][2] or ''
    if held ~= value then return false end
  end,
}

-- Guards that look at a field of a hash, with all others of the same key in one HMGET.
local IN_HASH = {equals = true, absent = true}

-- A function that fills the holes of tables with what a change brings along: its values, which follow ARGV[a], or its
-- keys, which begin at KEYS[k]. It is made for its statement, because a loop over the holes took as long as the commands.
-- Nothing but numbers gets into its text.
local function compile_filler(holes)
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

-- Compiles a table of a statement with its holes: those that a change fills, that shared keys fill, or the time.
local function compile_table(statement, holes, words, key, places)
  local table_number = #statement.tables + 1
  statement.tables[table_number] = words
  if key and key < 0 then
    statement.shared[#statement.shared + 1] = {words = words, key = key}
  elseif key then
    holes[#holes + 1] = {number = table_number, place = 2, from = -key - 1}
  end
  for _, hole in ipairs(places) do
    if hole[2] == 0 then
      statement.times[#statement.times + 1] = {words = words, place = hole[1]}
    else
      holes[#holes + 1] = {number = table_number, place = hole[1], from = hole[2]}
    end
  end
end

local function compile_guards(statement, guards)
  local holes, last = {}, nil
  for place, guard in ipairs(guards) do
    local check, key, field, value, field_from, value_from = unpack(guard)
    statement.proven[key] = PROVES[check]
    local is_plain = IN_HASH[check] and field_from == 0
    if not (is_plain and last and last.key == key) then
      last = {key = is_plain and key, first = place, check = GUARDS[check], words = {'HMGET', ''}, expected = {}}
      statement.guards[#statement.guards + 1] = last
      compile_table(statement, holes, last.words, key, {})
      if is_plain then
        compile_table(statement, holes, last.expected, nil, {})
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
      for hole, from in pairs({[3] = field_from, [4] = value_from}) do
        if from ~= 0 then holes[#holes + 1] = {number = #statement.tables, place = hole, from = from} end
      end
    end
  end
  return holes
end

-- The number of the events among the keys that all changes of a call share.
local EVENTS = -2

local function compile_writes(statement, writes)
  local holes, may_fail = {}, 1
  for w, write in ipairs(writes) do
    local key, words, places = unpack(write)
    compile_table(statement, holes, words, key, places)
    statement.writes[w] = words
    -- What is added to a stream of the application is named in the event, which comes last.
    if words[1] == 'XADD' and key == EVENTS then
      statement.event = w
    elseif words[1] == 'XADD' and key and key >= 0 then
      statement.adds = true
    end
    if w == 1 and words[1] == 'HSETNX' then may_fail = 2 end
    local needed = NEEDS[words[1]]
    if key and key < 0 then
      statement.shared[#statement.shared].needed = needed
    elseif key and needed and w > may_fail and statement.proven[key] ~= needed
      and statement.proven[key] ~= 'any' then
      statement.typed[#statement.typed + 1] = {key = key, needed = needed}
    end
  end
  return holes
end

-- Ways of filling that were compiled for one statement: more than these are hardly ever there.
local MOST_FILLERS = 16

-- How the holes of a statement are filled in runs of changes that have the same values at some places, for which these
-- stand in text (“2,5”, or nothing): what is filled once, what with each change, and how many values each brings along.
local function fillers(statement, places)
  local known = statement.fillers[places]
  if known then return known end
  local order, own, count = {}, {}, 0
  for place in string.gmatch(places, '%d+') do
    count = count + 1
    order[tonumber(place)] = count
  end
  local left = 0
  for value = 1, statement.values do
    if not order[value] then
      left = left + 1
      own[value] = left
    end
  end
  local once = {}
  local function each(holes)
    local rest = {}
    for _, hole in ipairs(holes) do
      if order[hole.from] then
        once[#once + 1] = {number = hole.number, place = hole.place, order = order[hole.from]}
      else
        rest[#rest + 1] = {number = hole.number, place = hole.place, from = own[hole.from] or hole.from}
      end
    end
    return compile_filler(rest)
  end
  known = {
    once = once, shared = count, values = left, guards = each(statement.guard_holes), writes = each(statement.write_holes),
  }
  if statement.fillers_count == MOST_FILLERS then statement.fillers, statement.fillers_count = {}, 0 end
  statement.fillers[places], statement.fillers_count = known, statement.fillers_count + 1
  return known
end

-- Begins a run of changes of one statement: `head` is its number, and the places of the values that all of them have,
-- if there are any (“1”, “1=2,5”); these values follow ARGV[a]. Returns the statement, and how many they are.
local function begin_run(statements, head, ARGV, a)
  local name, places = string.match(head, '^(%d+)=?([%d,]*)$')
  local statement = statements[name]
  local filler = fillers(statement, places)
  statement.fill_guards, statement.fill_writes, statement.each = filler.guards, filler.writes, filler.values
  for _, hole in ipairs(filler.once) do statement.tables[hole.number][hole.place] = ARGV[a + hole.order] end
  return statement, filler.shared
end

-- Statements that were compiled lately, by their text: from page to page they are the same ones, and to compile one takes
-- as long as several changes.
local MOST_STATEMENTS = 64
-- Longer ones aren't kept: they would fill Redis's memory with what only a few changes need.
local LONGEST_STATEMENT = 8192
local compiled_statements, compiled_count = {}, 0

-- Compiles one statement: what many changes of a call have in common, with holes for what differs.
-- `key` numbers: 0, 1, … the change's own keys; -1, -2, … the call's shared keys.
-- `from` numbers: 1, 2, … the change's values; -1, -2, … its own keys, as values; 0 in a guard nothing, in a write the
-- call's time.
local function compile(text)
  local statement = compiled_statements[text]
  if statement then return statement end
  local given = cjson.decode(text)
  statement = {
    keys = given.keys, index = given.index, values = given.values, tables = {}, guards = {}, writes = {}, shared = {},
    times = {}, typed = {}, proven = {}, fillers = {}, fillers_count = 0,
  }
  statement.guard_holes = compile_guards(statement, given.guards)
  statement.write_holes = compile_writes(statement, given.writes)
  if #text > LONGEST_STATEMENT then return statement end
  if compiled_count == MOST_STATEMENTS then compiled_statements, compiled_count = {}, 0 end
  compiled_statements[text], compiled_count = statement, compiled_count + 1
  return statement
end

-- Makes a statement ready for a call, which has shared keys, a time and a user of its own. `first`: how many words of
-- KEYS stand before the call's keys.
local function open_statement(text, KEYS, first, time, wrong_index)
  local statement = compile(text)
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
local function check_guard(guard)
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
-- Whether a stream has no ids left, which nothing but an application with ids of its own can have caused.
local function exhausted(key)
  if not may('XINFO', 'STREAM', key) then return nil end
  local found = redis.pcall('XINFO', 'STREAM', key)
  if found.err then return nil end
  for place = 1, #found, 2 do
    if found[place] == 'last-generated-id' and string.match(found[place + 1], '^18446744073709551615%-') then
      return 'ERR ' .. key .. ' has used its last id, ' .. found[place + 1] .. ': nothing can be added'
    end
  end
end

-- `types`: what the keys of the call were found to be, or have become.
local function check_change(statement, KEYS, k, ARGV, a, types)
  if statement.refused then return statement.refused end
  statement.fill_guards(statement.tables, KEYS, k, ARGV, a)
  local guards, typed = statement.guards, statement.typed
  for g = 1, #guards do
    local why = check_guard(guards[g])
    if why ~= nil then return why end
  end
  for t = 1, #typed do
    local key, needed = KEYS[k + typed[t].key], typed[t].needed
    if types[key] ~= needed then
      local wrong = wrong_type(key, needed) or (needed == 'stream' and exhausted(key))
      if wrong then return wrong end
      types[key] = needed
    end
  end
end
