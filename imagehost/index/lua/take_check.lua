-- Takes the lease on checking a shard, or renews the holder's own.
-- KEYS  1 meta of the shard
-- ARGV  1 op  2 lease_ms
-- returns the epoch to check under | '' (somebody else checks it, or the shard is wiped)
local meta = KEYS[1]
local op, lease = ARGV[1], tonumber(ARGV[2])

local h = redis.call('HMGET', meta, 'epoch', 'check_op', 'check_until')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not h[1] then return '' end
if h[2] and h[2] ~= op and now < tonumber(h[3]) then return '' end
redis.call('HSET', meta, 'check_op', op, 'check_until', string.format('%.0f', now + lease))
return h[1]
