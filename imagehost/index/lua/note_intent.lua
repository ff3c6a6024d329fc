-- Notes that an operation is about to change a record: should it die, the sweeper looks. Noting again moves it on.
-- KEYS  1 due queue
-- ARGV  1 member check:{op}:{iid}  2 lease_ms
-- returns ok
local due = KEYS[1]
local member, lease = ARGV[1], tonumber(ARGV[2])

local time = redis.call('TIME')
redis.call('ZADD', due, time[1] * 1000 + math.floor(time[2] / 1000) + lease, member)
return 'ok'
