-- A page of a user's ready images, newest first (of the same age: the highest iid first), with their hashes.
-- KEYS  1 meta of the shard  2 the user's images  3 user hash
-- ARGV  1 limit  2 start (rank of the first)  3 created_at_ms and 4 iid of the image that the page stands behind ('' and
--       '': none)  5 what the names of the shard's image hashes begin with, before the iid without its shard
--       6 the field of the user hash with the API key of who asks
-- returns {epoch, total, more (1 or 0), {the API key (or nil), checked}, {iid, created_at_ms, hash as field, value…}…}
--         | {} (the shard is wiped)
-- The hashes are of the same slot, and not declared: their names are in the list. While a cluster moves the slot, one
-- that has left is an error, and the script ends; it changes nothing.
local meta, images, user = KEYS[1], KEYS[2], KEYS[3]
local limit, start, after, behind, prefix = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]

local function stands_behind(iid)  -- as in a sorted set, by bytes: Lua's own < goes by the server's locale
  for i = 1, #behind do
    local a, b = string.byte(iid, i), string.byte(behind, i)
    if a ~= b then return a < b end
  end
  return false
end

local epoch = redis.call('HGET', meta, 'epoch')
if not epoch then return {} end
local places
if after == '' then
  places = redis.call('ZRANGE', images, start, start + limit, 'REV', 'WITHSCORES')
else  -- by score and not by rank: ranks move while somebody deletes
  local ties = redis.call('ZCOUNT', images, after, after)
  places = redis.call('ZRANGE', images, after, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, limit + 1 + ties, 'WITHSCORES')
end
local page = {epoch, redis.call('ZCARD', images), 0, redis.call('HMGET', user, ARGV[6], 'checked')}
for i = 1, #places, 2 do
  local iid, created_at = places[i], places[i + 1]
  if after == '' or tonumber(created_at) < tonumber(after) or stands_behind(iid) then
    if #page == 4 + limit then
      page[3] = 1
      break
    end
    page[#page + 1] = {iid, created_at, redis.call('HGETALL', prefix .. string.sub(iid, 3))}
  end
end
return page
