-- A shard's index is served by another run of Redis than before: what it holds may be older than what was acknowledged,
-- so every hash must be compared with its record once more, and a rebuild under way has to begin again. Repeating it on
-- the same run does nothing, unless forced.
-- KEYS  1 meta of the shard
-- ARGV  1 node (the run that answers now)  2 an epoch never used  3 1 to renew whatever node stands there
-- returns ok | same | wiped (a rebuild will declare an epoch)
local meta = KEYS[1]
local node, epoch, force = ARGV[1], ARGV[2], ARGV[3]

local h = redis.call('HMGET', meta, 'epoch', 'node')
if h[2] == node and force ~= '1' then return 'same' end
if not h[1] then
  redis.call('HDEL', meta, 'next', 'node')
  return 'wiped'
end
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('HSET', meta, 'epoch', epoch, 'node', node, 'renewed_at', now)
redis.call('HDEL', meta, 'check_op', 'check_until')
return 'ok'
