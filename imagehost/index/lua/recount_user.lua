-- Corrects a user's counters to what a check has counted, unless anything has moved since it began to count.
-- KEYS  1 user hash
-- ARGV  1 ver that the check read before it counted ("" for none)  2 used_bytes  3 used_count  4 reserved_bytes
--       5 reserved_count
-- returns ok | moved
-- invariant: used = Σ counted, reserved = Σ pending
local user = KEYS[1]
local ver = ARGV[1]

if (redis.call('HGET', user, 'ver') or '') ~= ver then return 'moved' end
redis.call('HSET', user, 'used_bytes', ARGV[2], 'used_count', ARGV[3], 'reserved_bytes', ARGV[4], 'reserved_count', ARGV[5])
redis.call('HINCRBY', user, 'ver', 1)
return 'ok'
