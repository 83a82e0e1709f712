--------------------------------------------------------------------------------------------------
-- The parts of a commit in a Cluster
--------------------------------------------------------------------------------------------------

-- The changes of a call that were not made, by their numbers, as they are noted at a mark.
local function omitted(answer, from)
  local numbers = {}
  for place = 2, #answer, 2 do numbers[#numbers + 1] = answer[place] end
  if from then numbers[#numbers + 1] = from .. '+' end
  return table.concat(numbers, ' ')
end

-- Executes a call and writes its mark last, when it is known what was made. A change that fails in its middle, which
-- none should, counts as made; the mark says so before the error is raised again.
local function execute_under_mark(mark, closed, field, rest_field, text, ARGV, first, before)
  local found = redis.pcall('HGET', mark, closed)
  if type(found) == 'table' then return {'mark', explained(found.err, 'HGET', mark)} end
  if found then return {'closed'} end
  if not may('HSET', mark, field, text) then
    return redis.error_reply('NOPERM this user has no right to HSET at ' .. mark)
  end
  local progress = {answer = {'ok'}, position = 0, count = 0}
  local is_whole, answer = pcall(execute, ARGV, first, ARGV, before, progress)
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
  if ARGV[1] == '' then return execute(ARGV, 2, ARGV, tonumber(ARGV[2]) + 2, {answer = {'ok'}}) end
  local mark, closed, field, rest_field, text, count = unpack(ARGV, 1, 6)
  return execute_under_mark(mark, closed, field, rest_field, text, ARGV, 6, tonumber(count) + 6)
end

-- Purpose:    says what curfew_commit_part would answer without a mark, and writes nothing
-- KEYS, ARGV, Returns, Complexity: those of curfew_commit_part
local function check_part(_, ARGV)
  return execute(ARGV, 2, ARGV, tonumber(ARGV[2]) + 2, {answer = {'ok'}}, true)
end

-- Purpose:    looks whether refunds may be paid, on one node of a Cluster, whatever slots of it their keys are in
-- KEYS:       none
-- ARGV:       number n of ledgers, number t of balances that are texts, n times ledger and entry, t balances, then the
--             balances that are fields of hashes: key and field of each
-- Returns:    the positions of those that must be looked at more closely: an entry that is there, a balance that isn't
--             plainly a number or is large, a key that is not to be had here
-- Complexity: O(keys)
local function look(_, ARGV)
  local pcall, find, answer = redis.pcall, string.find, {}
  local ledgers, texts = tonumber(ARGV[1]), tonumber(ARGV[2])
  local a = 3
  for item = 1, ledgers do
    if pcall('HEXISTS', ARGV[a], ARGV[a + 1]) ~= 0 then answer[#answer + 1] = item end
    a = a + 2
  end
  local item = ledgers
  while a <= #ARGV do
    item = item + 1
    local found
    if item <= ledgers + texts then
      found = pcall('GET', ARGV[a])
      a = a + 1
    else
      found = pcall('HGET', ARGV[a], ARGV[a + 1])
      a = a + 2
    end
    -- 15 digits are far from what a 64-bit number holds; the amounts have no more.
    local is_plain = found == false or found == '0'
      or type(found) == 'string' and #found <= 15 and find(found, '^-?[1-9]%d*$') ~= nil
    if not is_plain then answer[#answer + 1] = item end
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
local function record_events(KEYS, ARGV)
  local is_current, fence, holder = is_of(KEYS[1], ARGV[1])
  if not is_current then return {'fenced', fence, holder} end
  local wrong = wrong_type(KEYS[2], 'hash') or wrong_type(KEYS[3], 'stream')
  if wrong then return redis.error_reply(wrong) end
  local a = 3 + tonumber(ARGV[2])
  local field, note = ARGV[a], ARGV[a + 1]
  if a > 3 then call('HDEL', KEYS[2], unpack(ARGV, 3, a - 1)) end
  local recorded = redis.call('HGET', KEYS[2], field) or ''
  if string.sub(recorded .. ' ', 1, #note + 1) == note .. ' ' then return {'ok', 0} end
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

offer('curfew_commit_part', commit_part, 'allow-cross-slot-keys')
-- The same for what only frees, or is small and must be written down most of all where Redis is full.
offer('curfew_note_part', commit_part, 'allow-oom', 'allow-cross-slot-keys')
offer('curfew_check_part', check_part, 'no-writes', 'allow-cross-slot-keys')
offer('curfew_look', look, 'no-writes', 'allow-cross-slot-keys')
-- What is recorded was done, and what is unlisted only goes.
offer('curfew_record_events', record_events, 'allow-oom')
offer('curfew_unlist', unlist, 'allow-oom')
