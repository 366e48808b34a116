-- Remembers in which groups an article contributed, so that a later revision can be withdrawn from those it left.
--
-- KEYS  1 memory of the article (hash: `revision` is the highest seen; every other field is a group's key)
-- ARGV  1 revision   2 seconds to remember   3... keys of the groups it contributes to now
--
-- Returns the highest revision seen, then the keys of all groups it ever contributed to. Safe to repeat.

local revision = tonumber(ARGV[1])
local highest = tonumber(redis.call('HGET', KEYS[1], 'revision') or '0')
if revision >= highest then
  highest = revision
  redis.call('HSET', KEYS[1], 'revision', revision)
  for group = 3, #ARGV do
    redis.call('HSET', KEYS[1], ARGV[group], 1)
  end
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
local answer = {tostring(highest)}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if field ~= 'revision' then
    answer[#answer + 1] = field
  end
end
return answer
