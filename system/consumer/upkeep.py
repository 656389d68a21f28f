"""What keeps stream and group small. Each is one script, because what it decides on must not change before it acts."""

from redis.asyncio import Redis

from system.settings import ConsumerSettings

NAME_IDLE_MS = 600_000

# Removes what every group has done with: up to its first pending entry, or up to the last one delivered. That one stays.
TRIM = """
local function before(a, b) -- ids are two numbers of up to 20 digits: more than a number of Lua holds
  local a1, a2 = a:match('(%d+)-(%d+)')
  local b1, b2 = b:match('(%d+)-(%d+)')
  if #a1 ~= #b1 then return #a1 < #b1 end
  if a1 ~= b1 then return a1 < b1 end
  if #a2 ~= #b2 then return #a2 < #b2 end
  return a2 < b2
end
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local needed = nil
for _, pairs_of_group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #pairs_of_group, 2 do group[pairs_of_group[i]] = pairs_of_group[i + 1] end
  local ids = {group['last-delivered-id']}
  if group['pending'] > 0 then ids[2] = redis.call('XPENDING', KEYS[1], group['name'])[2] end
  for _, id in ipairs(ids) do
    if not needed or before(id, needed) then needed = id end
  end
end
if not needed then return 0 end
return redis.call('XTRIM', KEYS[1], 'MINID', needed)
"""

# Moves an entry to the dead letters if it is pending still (ARGV: group, id, the letter word by word). Who froze with it in hand
# comes back after another one has buried it. The letter is written first: a Redis without room for it must not take the entry off.
BURY = """
local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
if held.err or #held == 0 then return 0 end -- without its group it will be delivered again
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
return redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
"""
BURIED_FIELDS_MAX = 2000  # a script can hand over 8000 words at once

# Removes our own name (ARGV: group, name, 'own') or those of others that are idle (group, name, 'others', milliseconds).
REMOVE_NAMES = """
local removed = {}
for _, pairs_of_name in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #pairs_of_name, 2 do consumer[pairs_of_name[i]] = pairs_of_name[i + 1] end
  local own = consumer['name'] == ARGV[2]
  local wanted = own and ARGV[3] == 'own' or not own and ARGV[3] == 'others' and consumer['idle'] >= tonumber(ARGV[4])
  if wanted and consumer['pending'] == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
    removed[#removed + 1] = consumer['name']
  end
end
return removed
"""


async def remove_own_name(redis: Redis, settings: ConsumerSettings) -> list[str]:
    """Leave the group, unless entries are pending under our name. Gives the names removed: ours or none."""
    return await _remove(redis, settings, "own")


async def remove_idle_names(redis: Redis, settings: ConsumerSettings) -> list[str]:
    """Remove the consumers that have nothing pending and have not been heard of for ten minutes. Gives their names."""
    return await _remove(redis, settings, "others", NAME_IDLE_MS)


async def trim(redis: Redis, settings: ConsumerSettings) -> None:
    """Remove what every group has done with. Each acknowledgement does it too; a consumer may have died just before it did."""
    await redis.eval(TRIM, 1, settings.stream_name)


async def _remove(redis: Redis, settings: ConsumerSettings, *which: str | int) -> list[str]:
    names = await redis.eval(REMOVE_NAMES, 1, settings.stream_name, settings.consumer_group, settings.consumer_name, *which)
    return [name.decode(errors="replace") for name in names]
