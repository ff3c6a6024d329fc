-- Declares a shard whole, unless it was wiped once more, or another run of Redis took over, since the rebuild began. What
-- was lost may have been on another master, which somebody may still write to: so the new epoch counts as a renewed one.
-- KEYS  1 meta of the shard
-- ARGV  1 the epoch that begin_rebuild answered
-- returns ok | no (begin again) | whole (somebody else has declared it already)
local meta = KEYS[1]
local epoch = ARGV[1]

if redis.call('HEXISTS', meta, 'epoch') == 1 then return 'whole' end
if redis.call('HGET', meta, 'next') ~= epoch then return 'no' end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', meta, 'epoch', epoch, 'settled', epoch, 'checked_at', now, 'renewed_at', now)
redis.call('HDEL', meta, 'next', 'check_op', 'check_until')
return 'ok'
