--- The timers of a loop: a list of { at, waiter }, sorted so that the next one stands last; of two
--- with the same time, the older one expires first. A waiter has one at most, as its field `timer`.
---
--- A finalizer or a hook that runs inside a function may call it too, or raise an error: a change
--- is one call of table.insert or table.remove, and the list is looked at again after each.

local timers = {}

-- Returns the position of the first timer that does not expire later.
local function position_of(list, at)
  local low, high = 1, #list + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if list[middle].at > at then low = middle + 1 else high = middle end
  end
  return low
end

local function find(list, timer)
  if list[#list] == timer then return #list end
  local position = position_of(list, timer.at)
  while list[position] and list[position] ~= timer do
    if list[position].at < timer.at then return nil end
    position = position + 1
  end
  return list[position] and position
end

local function insert(list, timer)
  local position = position_of(list, timer.at)
  table.insert(list, position, timer)
  return position == #list
end

--- Removes a timer, if it is still there.
---@param list table[]
---@param timer table
function timers.remove(list, timer)
  local position = find(list, timer)
  while position do
    local removed = table.remove(list, position)
    if not removed or removed == timer then return end
    insert(list, removed) -- another one was added before it meanwhile
    position = find(list, timer)
  end
end

--- Sets the timer of a waiter, in place of the one it has.
---@param list table[]
---@param at number when it expires, on the clock of novita.core.now()
---@param waiter table
---@return boolean next true if it expires before all others
function timers.set(list, at, waiter)
  local before, timer = waiter.timer, { at = at, waiter = waiter }
  local next_one = insert(list, timer)
  waiter.timer = timer
  if before then timers.remove(list, before) end
  return next_one
end

--- Removes the timer of a waiter, if it has one.
---@param list table[]
---@param waiter table
function timers.clear(list, waiter)
  if not waiter.timer then return end
  timers.remove(list, waiter.timer)
  waiter.timer = nil
end

--- Returns the next timer that has expired.
---@param list table[]
---@param now number
---@return table?
function timers.expired(list, now)
  local timer = list[#list]
  return timer and timer.at <= now and timer or nil
end

return timers
