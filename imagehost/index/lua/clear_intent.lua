-- Withdraws an intent: by the operation that noted it, after its last script.
-- KEYS  1 due queue
-- ARGV  1 member
-- returns ok
local due = KEYS[1]
local member = ARGV[1]

redis.call('ZREM', due, member)
return 'ok'
