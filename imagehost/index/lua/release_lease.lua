-- Gives back the lease of an attempt that decided nothing.
-- KEYS  1 image hash
-- ARGV  1 version that holds it
-- returns ok | no (somebody else holds it, or nobody)
local image = KEYS[1]
local version = ARGV[1]

local h = redis.call('HMGET', image, 'state', 'lease_version')
if h[1] ~= 'pending' or h[2] ~= version then return 'no' end
redis.call('HDEL', image, 'lease_version', 'lease_until')
return 'ok'
