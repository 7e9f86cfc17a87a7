---@meta novita.nginx
-- The functions of the C module for nginx, for editors and for the reference. Never executed.

--- Wakes a light thread through its semaphore, which is posted at most once until reset().
---@class novita.Wakeup
local wakeup = {}

--- News of this transfer post the semaphore, once, and of no other; nil: of none.
---@param transfer novita.Transfer?
function wakeup:listen(transfer) end -- luacheck: ignore 431

--- Posts the semaphore, unless it is posted already.
function wakeup:post() end

--- Was it posted since the last reset?
---@return boolean
function wakeup:posted() end

--- Was it posted? If so it stops listening and can be posted again.
---@return boolean
function wakeup:reset() end

---@class novita.NginxEvent
local event = {}

--- Was there work since the last call?
---@return boolean
function event:fired() end

--- Removes it from nginx's event loop. Idempotent.
function event:close() end

---@class novita.Notifier
local notifier = {}

--- The path to connect to before start().
---@return string
function notifier:path() end

--- Starts its thread; false closes it.
---@return boolean
function notifier:start() end

--- Notifies once more when there is work.
function notifier:rearm() end

--- Was there work since the last call?
---@return boolean
function notifier:fired() end

--- Ends its thread and closes its socket. Idempotent.
function notifier:close() end

---@class novita.Cleanup
local cleanup = {}

--- Cancels the transfer when the request ends; false if it has ended already.
---@param transfer novita.Transfer
---@return boolean
function cleanup:add(transfer) end -- luacheck: ignore 431
