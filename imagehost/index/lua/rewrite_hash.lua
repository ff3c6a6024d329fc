-- Writes once more what a record says, over a hash of the same state and of no higher rev that says something else.
-- KEYS  1 image or user hash
-- ARGV  1 state ('' for an account)  2 rev  3 n  then n names of fields that only the index knows, and that stay;
--       then field, value of all others
-- returns ok | moved (another state or a higher rev by now)
-- invariant: none but the record's own fields change, so no counter, list or due entry has to follow
local hash = KEYS[1]
local state, rev, n = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local h = redis.call('HMGET', hash, 'state', 'rev')
if (h[1] or '') ~= state or (tonumber(h[2] or '0') or 0) > rev then return 'moved' end
local kept = {}
for i = 4, 3 + n do kept[ARGV[i]] = true end
for i = 4 + n, #ARGV, 2 do kept[ARGV[i]] = true end
redis.call('HSET', hash, unpack(ARGV, 4 + n))
for _, name in ipairs(redis.call('HKEYS', hash)) do
  if not kept[name] then redis.call('HDEL', hash, name) end
end
return 'ok'
