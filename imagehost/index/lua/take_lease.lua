-- Takes a lease that nobody holds. A replay by the holder renews nothing and answers that it has it.
-- KEYS  1 lease
-- ARGV  1 holder (random)  2 lease_ms
-- returns 0, or the ms that somebody else's still lasts
local lease = KEYS[1]
local holder, lease_ms = ARGV[1], ARGV[2]

if redis.call('SET', lease, holder, 'NX', 'PX', lease_ms) then return 0 end
if redis.call('GET', lease) == holder then return 0 end
return math.max(1, redis.call('PTTL', lease))
