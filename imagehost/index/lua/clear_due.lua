-- Removes a due entry that the sweeper has worked off, unless the hash still needs it: whatever has happened since the
-- entry was taken (a timer set anew, a failover to before), the hash decides.
-- KEYS  1 image hash  2 due queue
-- ARGV  1 kind  2 op  3 iid
-- returns ok | needed
-- invariant: a pending image has its upload entry, an unpurged dead one its purge entry, one with a timer its expire entry
local image, due = KEYS[1], KEYS[2]
local kind, op, iid = ARGV[1], ARGV[2], ARGV[3]

local member = kind .. ':' .. op .. ':' .. iid
local h = redis.call('HMGET', image, 'state', 'op', 'purge', 'expires_at', 'version')
local needed = (kind == 'upload' and h[1] == 'pending' and h[2] == op)
  or (kind == 'purge' and h[3] == member)
  or (kind == 'expire' and h[4] and h[5] == op)
if needed then return 'needed' end
redis.call('ZREM', due, member)
return 'ok'
