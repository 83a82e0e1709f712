-- What follows is for servers with functions, on which the names end with the version.
for place = 1, #FUNCTIONS do
  local item = FUNCTIONS[place]
  redis.register_function{function_name = item.name .. '_' .. VERSION, callback = item.callback, flags = item.flags}
end
