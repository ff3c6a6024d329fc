-- A check of a shard has come to its end: the shard is settled if its epoch is still the one that the check began under.
-- KEYS  1 meta of the shard
-- ARGV  1 op of the check  2 the epoch that take_check answered
-- returns ok | no (another epoch has begun, or another check has taken over)
local meta = KEYS[1]
local op, epoch = ARGV[1], ARGV[2]

local h = redis.call('HMGET', meta, 'epoch', 'check_op')
if h[2] ~= op or h[1] ~= epoch then return 'no' end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', meta, 'settled', epoch, 'checked_at', now)
redis.call('HDEL', meta, 'check_op', 'check_until')
return 'ok'
