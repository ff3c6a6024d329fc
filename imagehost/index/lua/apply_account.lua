-- Brings the index up to one account record. Monotone by rev; the counters of the same hash are left alone.
-- KEYS  1 user hash  2 meta of the shard
-- ARGV  1 rev  2 checked (the epoch that the caller read before the record)  3… field, value of the record
-- returns ok | old (nothing newer; `checked` is raised when rev is equal and the epoch is the current one, or the one
--         of a rebuild under way)
-- invariant: the hash has exactly the API keys of its record
local user, meta = KEYS[1], KEYS[2]
local rev, checked = tonumber(ARGV[1]), ARGV[2]

local old = tonumber(redis.call('HGET', user, 'rev') or '0')
if rev <= old then
  local m = redis.call('HMGET', meta, 'epoch', 'next')
  if rev == old and (checked == m[1] or checked == m[2]) then redis.call('HSET', user, 'checked', checked) end
  return 'old'
end
for _, field in ipairs(redis.call('HKEYS', user)) do
  if string.sub(field, 1, 4) == 'key:' then redis.call('HDEL', user, field) end
end
redis.call('HSET', user, 'rev', rev, 'checked', checked, unpack(ARGV, 3))
return 'ok'
