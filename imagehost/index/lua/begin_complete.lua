-- Takes the lease on a pending upload for one version, or says why it cannot be completed (now). A replay by the holder
-- renews nothing and answers ok.
-- KEYS  1 image hash  2 due queue
-- ARGV  1 iid  2 uid  3 version  4 lease_ms
-- returns {ok} | {busy, ms left} | {ready} | {rejected} | {gone}
-- invariant: while a lease runs, the upload's due entry lies at least one lease behind its end
local image, due = KEYS[1], KEYS[2]
local iid, uid, version, lease = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])

local h = redis.call('HMGET', image, 'state', 'owner_uid', 'op', 'lease_version', 'lease_until', 'reason')
if not h[1] or h[2] ~= uid then return {'gone'} end
if h[1] == 'ready' then return {'ready'} end
if h[1] == 'dead' then
  if h[6] == 'refused' then return {'rejected'} end
  return {'gone'}
end
if h[4] == version then return {'ok'} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if h[4] and now < tonumber(h[5]) then return {'busy', tonumber(h[5]) - now} end
redis.call('HSET', image, 'begun', 1, 'lease_version', version, 'lease_until', string.format('%.0f', now + lease))
redis.call('ZADD', due, 'GT', now + 2 * lease, 'upload:' .. h[3] .. ':' .. iid)
return {'ok'}
