-- Admits one upload: reserves its bytes and its place, or says why not. Replaying it (same op) changes nothing.
-- KEYS  1 image hash  2 user hash  3 due queue  4 meta of the shard
-- ARGV  1 iid  2 uid  3 op  4 size_bytes  5 hold_ms (from now to the deadline)  6 quota_bytes  7 quota_images
--       8 max_pending  9 the field of the user hash with the API key of who asks ('': known to be good), which must
--       have  10 this secret_sha256  11 this scope  12 its end after now_ms, as ours reckon
--       13… field, value of what the upload is
-- returns {ok, created_at_ms, deadline_ms[, API key, checked, epoch]} | {dup, created_at_ms, deadline_ms} | {exists}
--         | {rebuilding} | {unconfirmed} (the key is not known to be good) | {too_many_pending, pending}
--         | {quota, used and reserved bytes, used and reserved images}
-- invariant: reserved = Σ pending; the due entry stands before any URL does
local image, user, due, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local iid, uid, op = ARGV[1], ARGV[2], ARGV[3]
local size, hold, quota_bytes, quota_images, max_pending =
  tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])

local function is_good(value)
  local api_key = cjson.decode(value)
  if api_key.secret_sha256 ~= ARGV[10] then return false end
  if type(api_key.expires_at_ms) == 'number' and api_key.expires_at_ms <= tonumber(ARGV[12]) then return false end
  for _, scope in ipairs(api_key.scopes) do
    if scope == ARGV[11] then return true end
  end
  return false
end

local known = redis.call('HMGET', image, 'state', 'op', 'created_at', 'deadline')
if known[1] then
  if known[1] == 'pending' and known[2] == op then return {'dup', known[3], known[4]} end
  return {'exists'}
end
local epoch = redis.call('HGET', meta, 'epoch')
if not epoch then return {'rebuilding'} end
local api_key = {}
if ARGV[9] ~= '' then
  api_key = redis.call('HMGET', user, ARGV[9], 'checked')
  if not api_key[1] or api_key[2] ~= epoch or not is_good(api_key[1]) then return {'unconfirmed'} end
  api_key[3] = epoch
end
local count = redis.call('HMGET', user, 'used_bytes', 'used_count', 'reserved_bytes', 'reserved_count')
for i = 1, 4 do count[i] = tonumber(count[i] or '0') end
if count[4] + 1 > max_pending then return {'too_many_pending', count[4]} end
if count[1] + count[3] + size > quota_bytes or count[2] + count[4] + 1 > quota_images then
  return {'quota', count[1] + count[3], count[2] + count[4]}
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', image, 'owner_uid', uid, 'state', 'pending', 'op', op, 'size', size, 'begun', 0,
  'created_at', string.format('%.0f', now), 'deadline', string.format('%.0f', now + hold), unpack(ARGV, 13))
redis.call('HINCRBY', user, 'reserved_bytes', size)
redis.call('HINCRBY', user, 'reserved_count', 1)
redis.call('HINCRBY', user, 'ver', 1)
redis.call('ZADD', due, now + hold, 'upload:' .. op .. ':' .. iid)
return {'ok', string.format('%.0f', now), string.format('%.0f', now + hold), unpack(api_key)}
