-- Brings the index up to one record. Monotone by rev, so replays, failovers and rebuilds converge in any order.
-- KEYS  1 image hash  2 user hash  3 the user's images  4 due queue  5 meta of the shard
-- ARGV  1 iid  2 uid  3 state (ready|dead)  4 rev  5 checked (the epoch that the caller read before the record)
--       6 op of the record  7 created_at_ms (ready)  8 size_bytes (ready)  9 expires_at_ms (ready; '' for never)
--       10… field, value of the record
-- returns ok | old (nothing newer; `checked` is raised when rev is equal and the epoch is the current one, or the one
--         of a rebuild under way) | wrong_owner
-- invariant: used = Σ counted, reserved = Σ pending, the user's set = the ready images; a dead image has a purge entry
--            until its bytes are gone, one that expires an expire entry
local image, user, images, due, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local iid, uid, state, rev, checked, op = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6]
local created_at, size, expires_at = ARGV[7], ARGV[8], ARGV[9]

local h = redis.call('HMGET', image, 'state', 'owner_uid', 'rev', 'size', 'counted', 'op', 'views', 'version')
local counted = h[5]  -- what the image counts, until it is purged
if h[1] == 'ready' then counted = h[4] end
if h[2] and h[2] ~= uid then return 'wrong_owner' end
if h[1] == 'ready' or h[1] == 'dead' then
  local old = tonumber(h[3])
  local m = redis.call('HMGET', meta, 'epoch', 'next')
  if rev == old and (checked == m[1] or checked == m[2]) then redis.call('HSET', image, 'checked', checked) end
  if rev <= old or h[1] == 'dead' then return 'old' end
end
if h[1] == 'pending' then
  redis.call('HINCRBY', user, 'reserved_bytes', -tonumber(h[4]))
  redis.call('HINCRBY', user, 'reserved_count', -1)
end

-- What is new is written before what is old is removed: in a slot that is on its way to another master, a key that a
-- script empties is not found again, and the script would end halfway.
local old, work = redis.call('HKEYS', image), nil
redis.call('HSET', image, 'owner_uid', uid, 'state', state, 'rev', rev, 'checked', checked, unpack(ARGV, 10))
local said = {owner_uid = true, state = true, rev = true, checked = true}
for i = 10, #ARGV, 2 do said[ARGV[i]] = true end
for _, name in ipairs(old) do
  if not said[name] then redis.call('HDEL', image, name) end
end
if state == 'ready' then
  if not counted then
    redis.call('HINCRBY', user, 'used_bytes', size)
    redis.call('HINCRBY', user, 'used_count', 1)
  end
  if h[7] then redis.call('HSET', image, 'views', h[7]) end
  redis.call('ZADD', images, created_at, iid)
  if expires_at ~= '' then
    work = 'expire:' .. redis.call('HGET', image, 'version') .. ':' .. iid
    redis.call('ZADD', due, expires_at, work)
  end
else
  local time = redis.call('TIME')
  work = 'purge:' .. op .. ':' .. iid
  if counted then redis.call('HSET', image, 'counted', counted) end
  redis.call('HSET', image, 'purge', work)
  redis.call('ZADD', due, time[1] * 1000 + math.floor(time[2] / 1000), work)
  redis.call('ZREM', images, iid)
end
local timer = h[8] and 'expire:' .. h[8] .. ':' .. iid
if h[1] == 'pending' then redis.call('ZREM', due, 'upload:' .. h[6] .. ':' .. iid) end
if timer and timer ~= work then redis.call('ZREM', due, timer) end
redis.call('HINCRBY', user, 'ver', 1)
return 'ok'
