-- Undoes a reservation that nobody began to complete and whose deadline has passed.
-- KEYS  1 image hash  2 user hash  3 due queue
-- ARGV  1 iid
-- returns ok | no (not pending, or begun) | early
-- invariant: reserved = Σ pending
local image, user, due = KEYS[1], KEYS[2], KEYS[3]
local iid = ARGV[1]

local h = redis.call('HMGET', image, 'state', 'begun', 'deadline', 'size', 'op')
if h[1] ~= 'pending' or h[2] ~= '0' then return 'no' end
local time = redis.call('TIME')
if time[1] * 1000 + math.floor(time[2] / 1000) < tonumber(h[3]) then return 'early' end
redis.call('HINCRBY', user, 'reserved_bytes', -tonumber(h[4]))
redis.call('HINCRBY', user, 'reserved_count', -1)
redis.call('HINCRBY', user, 'ver', 1)
redis.call('DEL', image)
redis.call('ZREM', due, 'upload:' .. h[5] .. ':' .. iid)
return 'ok'
