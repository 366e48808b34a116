-- Moves a group from one state to the next and announces what follows from it: all of it, or nothing.
--
-- KEYS  1 state of the group   2 sorted set of groups by when they are due   3 stream of alerts
-- ARGV  1 token of the state that was read, empty when there was none
--       2 token of the new state, empty to forget the group
--       3 the new state (the stored value is the token, a line feed, the state)
--       4 member of the sorted set   5 when it is due, in milliseconds, empty for never
--       6 roughly how many entries the stream keeps   7 number of alerts, then for each:
--         JSON, alert_id, revision, status, level, number of channels, the channels
--
-- Returns "committed"; "repeated" when this very state is there already (the reply to an earlier call was lost);
-- "conflict" when another worker moved the state meanwhile. Only a commit writes. Works from Redis 6.2 on.

local TOKEN_CHARS = 32
local current = redis.call('GETRANGE', KEYS[1], 0, TOKEN_CHARS - 1)
if current ~= ARGV[1] then
  if current == ARGV[2] then return 'repeated' end
  return 'conflict'
end

if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[2] .. '\n' .. ARGV[3])
end
if ARGV[5] == '' then
  redis.call('ZREM', KEYS[2], ARGV[4])
else
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
end

local at = 8
for _ = 1, tonumber(ARGV[7]) do
  local alert, channels = ARGV[at], tonumber(ARGV[at + 5])
  local stream_id = redis.call(
    'XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], '*',
    'data', alert, 'alert_id', ARGV[at + 1], 'revision', ARGV[at + 2], 'status', ARGV[at + 3], 'level', ARGV[at + 4])
  local message = '{"stream_id":"' .. stream_id .. '","alert":' .. alert .. '}'
  for channel = at + 6, at + 5 + channels do
    redis.call('PUBLISH', ARGV[channel], message)
  end
  at = at + 6 + channels
end
return 'committed'
