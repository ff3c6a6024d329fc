-- The bytes of a dead image are gone: releases what it counted, clears its purge entry, lets the tombstone expire.
-- KEYS  1 image hash  2 user hash  3 due queue
-- ARGV  1 tombstone_s
-- returns ok | no (not dead)
-- invariant: used = Σ counted
local image, user, due = KEYS[1], KEYS[2], KEYS[3]
local tombstone = ARGV[1]

local h = redis.call('HMGET', image, 'state', 'counted', 'purge')
if h[1] ~= 'dead' then return 'no' end
if h[2] then
  redis.call('HINCRBY', user, 'used_bytes', -tonumber(h[2]))
  redis.call('HINCRBY', user, 'used_count', -1)
  redis.call('HINCRBY', user, 'ver', 1)
end
if h[3] then redis.call('ZREM', due, h[3]) end
redis.call('HDEL', image, 'counted', 'purge')
redis.call('EXPIRE', image, tombstone)
return 'ok'
