"""Keeps the stream and the group small. Each operation is one Lua script, so that nothing changes between its check and its action."""

from redis.asyncio import Redis

from system.settings import ConsumerSettings

NAME_IDLE_MS = 600_000

# Removes entries that all groups are done with: those before each group's first pending entry or, without one, its last delivered entry.
TRIM = """
local function before(a, b) -- ids are two numbers of up to 20 digits, more than a Lua number can represent
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

# Moves an entry to the dead-letter stream if it is still pending (ARGV: group, id, then the fields): a consumer that was frozen may
# resume after another one has moved it. XADD comes first: if Redis is out of memory, the entry must stay pending.
DEAD_LETTER = """
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
if pending.err and not pending.err:find('NOGROUP') then return pending end
if pending.err or #pending == 0 then return 0 end -- if the group is gone, the entry will be delivered again
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
return redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
"""
DEAD_LETTER_FIELDS_MAX = 2000  # Lua's unpack is limited to about 8000 values

# Removes this consumer (ARGV: group, name, 'own') or other idle consumers (ARGV: group, name, 'others', milliseconds).
REMOVE_NAMES = """
local removed = {}
for _, pairs_of_name in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #pairs_of_name, 2 do consumer[pairs_of_name[i]] = pairs_of_name[i + 1] end
  local own = consumer['name'] == ARGV[2]
  local selected = own and ARGV[3] == 'own' or not own and ARGV[3] == 'others' and consumer['idle'] >= tonumber(ARGV[4])
  if selected and consumer['pending'] == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
    removed[#removed + 1] = consumer['name']
  end
end
return removed
"""


async def remove_own_name(redis: Redis, settings: ConsumerSettings) -> list[str]:
    """Remove this consumer from the group unless it has pending entries. Return the names removed: its own or none."""
    return await _remove(redis, settings, "own")


async def remove_idle_names(redis: Redis, settings: ConsumerSettings) -> list[str]:
    """Remove consumers without pending entries that have been idle for ten minutes. Return their names."""
    return await _remove(redis, settings, "others", NAME_IDLE_MS)


async def trim(redis: Redis, settings: ConsumerSettings) -> None:
    """Trim entries that all groups are done with. Acknowledging trims too, but a consumer may crash just before it does."""
    await redis.eval(TRIM, 1, settings.stream_name)


async def _remove(redis: Redis, settings: ConsumerSettings, *which: str | int) -> list[str]:
    names = await redis.eval(REMOVE_NAMES, 1, settings.stream_name, settings.consumer_group, settings.consumer_name, *which)
    return [name.decode(errors="replace") for name in names]
