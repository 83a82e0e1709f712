--------------------------------------------------------------------------------------------------
-- The end of the library as a script, for servers without functions: EVALSHA digest keys… words… function
--------------------------------------------------------------------------------------------------

local function raised(reply)
  local text = type(reply) == 'table' and reply.err or tostring(reply)
  -- Where an error came from is told before its code, which programs go by.
  return redis.error_reply((string.gsub(text, '^@?user_script:%s?%d+:%s?', '')))
end

local asked = table.remove(ARGV)
local item
for place = 1, #FUNCTIONS do
  if asked == FUNCTIONS[place].name .. '_' .. VERSION then item = FUNCTIONS[place] end
end
if item == nil then return redis.error_reply('ERR Function not found: ' .. asked) end
-- In full memory a script may go on once it has written: this changes nothing, whatever is at the key, and takes no memory.
if item.flags[1] == 'allow-oom' then redis.pcall('HDEL', KEYS[1], '') end
local is_whole, reply = pcall(item.callback, KEYS, ARGV)
if not is_whole then return raised(reply) end
return reply
