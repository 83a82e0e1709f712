--------------------------------------------------------------------------------------------------
-- The end of the library as a script, for servers without functions: EVALSHA digest keys… words… function
--------------------------------------------------------------------------------------------------

-- An error as its text and its code, which programs go by: where it came from is told before them.
local function raised(reply)
  local text = type(reply) == 'table' and reply.err or tostring(reply)
  text = string.gsub(text, '^@?user_script:%s?%d+:%s?', '')
  text = string.gsub(text, '^%-', '')
  if is_refusal(text) and string.sub(text, 1, 6) ~= 'NOPERM' then text = 'NOPERM ' .. text end
  return redis.error_reply(text)
end

-- What a server says that takes no writes now, whatever is written.
local function is_closed(reply)
  local text = type(reply) == 'table' and reply.err or ''
  for _, code in ipairs({'OOM ', 'READONLY ', 'MISCONF '}) do
    if string.find(text, code, 1, true) then return true end
  end
  return false
end

local asked = table.remove(ARGV)
local item
for place = 1, #FUNCTIONS do
  if asked == FUNCTIONS[place].name .. '_' .. VERSION then item = FUNCTIONS[place] end
end
if item == nil then return redis.error_reply('ERR Function not found: ' .. asked) end
-- A function is refused as a whole where nothing can be written, a script in its middle: so a write comes first, with a
-- word that makes it fail before it does anything. In full memory a script may go on once it has tried one, which is what
-- those need that are allowed to; of the others XADD finds out that it is full.
-- A call to one node of a cluster declares no keys; that it may go on is all the same found out by any word.
local flag = item.flags[1]
local key = KEYS[1] or (flag == 'allow-oom' and ARGV[1])
if key and flag ~= 'no-writes' then
  local tried
  if flag == 'allow-oom' then
    tried = redis.pcall('PEXPIRE', key, 'x')
  else
    tried = redis.pcall('XADD', key, 'x', 'a', 'b')
  end
  if is_closed(tried) then return raised(tried) end
end
local is_whole, reply = pcall(item.callback, KEYS, ARGV)
if not is_whole then return raised(reply) end
return reply
