---@meta
-- The writers of novita.core, for editors and for the reference. Nothing here is ever run.

--- Writes a new file beside its path, which it gets when it is finished.
---@class novita.Writer
local writer = {}

--- Raises when closed, as do sync and finish.
---@param bytes string
---@return true? ok nil on failure: the file is dropped
---@return string? problem
function writer:write(bytes) end

--- Has the disk hold what was written.
---@return true? ok
---@return string? problem
function writer:sync() end

--- Has the disk hold all of the file, and renames it to its path.
---@return true? ok
---@return string? problem
function writer:finish() end

--- Drops what is not finished. Idempotent.
function writer:close() end
