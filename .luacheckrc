-- What luacheck is to know of the functions in Redis; Deploy/test runs it on them as they are loaded.
std = 'lua51'
read_globals = {'redis', 'cjson', 'KEYS', 'ARGV'}
max_line_length = 130
