-- Programs that load copies of the Lua files, for the specs of how the C module is found.

local busted = require("busted")

local child = require("spec.support.child")

local loader = {
  FOLDER = "build/loader",
  --- The path on which the C module of these specs is.
  CPATH = os.getenv("LUA_CPATH"),
}

local FOLDER = loader.FOLDER

--- Runs code where the Lua files are copies, with no C module on the path but cjson.
---@param code string
---@param cpath? string
---@return string output
function loader.run(code, cpath)
  return (child.run(code, {
    LUA_PATH = FOLDER .. "/lua/?.lua;" .. FOLDER .. "/lua/?/init.lua;;",
    LUA_CPATH = (cpath or "/nonexistent/?.so") .. ";;",
  }))
end

--- Gives each test fresh copies.
function loader.with()
  busted.before_each(function()
    os.execute(("rm -rf %s && mkdir -p %s/lua %s/other/novita && cp -r lua/novita %s/lua && "
      .. "rm -f %s/lua/novita/*.so"):format(FOLDER, FOLDER, FOLDER, FOLDER, FOLDER))
  end)
  busted.teardown(function() os.execute("rm -rf " .. FOLDER) end)
end

return loader
