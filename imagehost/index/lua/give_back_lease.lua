-- Gives back a lease.
-- KEYS  1 lease
-- ARGV  1 holder
-- returns ok | no (somebody else holds it, or nobody)
local lease = KEYS[1]
local holder = ARGV[1]

if redis.call('GET', lease) ~= holder then return 'no' end
redis.call('DEL', lease)
return 'ok'
