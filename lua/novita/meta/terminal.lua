---@meta
-- The functions of novita.core for commands, for editors and for the reference. Never executed.

---@class novita.core
local core = {}

--- The width of a terminal.
---@param file file*
---@return integer? columns nil if the file is no terminal
function core.columns(file) end

--- Reads a line from the controlling terminal. Ctrl-C ends it and raises no signal.
---@param prompt string shown before it
---@param hidden? boolean what is typed is not shown
---@return string? line nil at the end of the input (Ctrl-D)
---@return string? problem "interrupted" by Ctrl-C, or why it can't be read
function core.read_line(prompt, hidden) end

--- Makes a folder, and those above it, for their owner only (mode 0700).
---@param path string
---@return true? done also if it is there
---@return string? problem
function core.mkdir(path) end

--- Returns whether two paths lead to one file, also by links.
---@param path string
---@param other string
---@return boolean
function core.same_file(path, other) end

return core
