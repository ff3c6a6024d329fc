-- Removes one due entry: its own intent by the operation that noted it, any entry by the sweeper that has finished it.
-- KEYS  1 due queue
-- ARGV  1 member
-- returns ok
local due = KEYS[1]
local member = ARGV[1]

redis.call('ZREM', due, member)
return 'ok'
