-- The folder of all temporary files of the specs and of the programs that they start: os.tmpname,
-- mktemp and tmux make theirs in it. It goes with this process, however that ends.
--
--   scratch.folder    scratch.remove()      helper.lua calls it at the end of the specs

local native = require("spec.support.native")
local shell = require("spec.support.shell")

local scratch = {}

scratch.folder = assert(shell.line("mktemp -d -t novita-spec-XXXXXX"))
os.execute(("chmod 711 '%s'"):format(scratch.folder)) -- nginx has workers of another user

-- Waits for a line, or for the end of a process that was killed.
local keeper = assert(io.popen(("trap '' HUP INT TERM; read _; rm -rf '%s'")
  :format(scratch.folder), "w"))

--- Removes the folder. A line says so, for what specs have started may have the pipe open, too.
function scratch.remove()
  keeper:write("\n")
  keeper:close()
end

local init = shell.line("pwd") .. "/spec/support/tmpname.lua"
native.setenv("TMPDIR", scratch.folder)
native.setenv("TMUX_TMPDIR", scratch.folder)
native.setenv("LUA_INIT", "@" .. init)
dofile(init)

return scratch
