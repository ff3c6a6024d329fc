-- Notes that a wiped shard is being rebuilt, and under which epoch. All who rebuild it at once share the first one's.
-- KEYS  1 meta of the shard
-- ARGV  1 an epoch never used  2 node (the run of Redis that answers)
-- returns the epoch to apply records under | '' (the shard is whole)
local meta = KEYS[1]
local epoch, node = ARGV[1], ARGV[2]

if redis.call('HEXISTS', meta, 'epoch') == 1 then return '' end
if redis.call('HSETNX', meta, 'next', epoch) == 1 then redis.call('HSET', meta, 'node', node) end
return redis.call('HGET', meta, 'next')
