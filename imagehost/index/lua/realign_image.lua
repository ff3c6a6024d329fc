-- Brings an image's place in its owner's list and in the due queue in line with its own hash. Safe at any time.
-- KEYS  1 image hash  2 the owner's images  3 due queue
-- ARGV  1 iid
-- returns ok
-- invariant: the user's set = the ready images; pending, unpurged and expiring images have their due entry
local image, images, due = KEYS[1], KEYS[2], KEYS[3]
local iid = ARGV[1]

local h = redis.call('HMGET', image, 'state', 'created_at', 'op', 'deadline', 'lease_until', 'purge', 'expires_at', 'version')
if h[1] == 'ready' then
  redis.call('ZADD', images, h[2], iid)
else
  redis.call('ZREM', images, iid)
end
if h[1] == 'pending' then
  local at = h[4]
  if h[5] and tonumber(h[5]) > tonumber(at) then at = h[5] end
  redis.call('ZADD', due, 'NX', at, 'upload:' .. h[3] .. ':' .. iid)
end
if h[6] then
  local time = redis.call('TIME')
  redis.call('ZADD', due, 'NX', time[1] * 1000 + math.floor(time[2] / 1000), h[6])
end
if h[7] then redis.call('ZADD', due, h[7], 'expire:' .. h[8] .. ':' .. iid) end
return 'ok'
