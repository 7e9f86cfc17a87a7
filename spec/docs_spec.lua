-- Every public function says what it does: in Lua by the comment above it, in C by the line in
-- lua/novita/meta that gives its types.

local files = require("spec.support.files")

local function paths(pattern)
  local pipe = assert(io.popen("ls " .. pattern))
  local list = {}
  for path in pipe:lines() do list[#list + 1] = path end
  pipe:close()
  return list
end

describe("documentation", function()
  for _, path in ipairs(paths("lua/novita/*.lua lua/novita/*/*.lua")) do
    it("stands above each public function of " .. path, function()
      local module = path:match("([%w_]+)%.lua$")
      local public = { [module == "init" and "novita" or module] = true, methods = true }
      local before, lacking = "", {}
      for line in files.read(path):gmatch("([^\n]*)\n") do
        local owner, name = line:match("^%s*function ([%w_]+)[.:]([%w_]+)")
        if public[owner] and not before:match("^%s*%-%-") then lacking[#lacking + 1] = name end
        before = line
      end
      assert.are.same({}, lacking)
    end)
  end

  it("covers each function and method of the C modules", function()
    local types, lacking = "", {}
    for _, path in ipairs(paths("lua/novita/meta/*.lua")) do types = types .. files.read(path) end
    for _, path in ipairs(paths("src/*/*.c")) do
      local tables = files.read(path):gsub("static const (%w+)[^\n]*{\n.-\n%s*};", function(type)
        return type ~= "luaL_Reg" and "" or nil
      end)
      for name in tables:gmatch("\n%s+{\"([%l][%w_]*)\", [%w_]+},?") do
        if not types:find("[.:]" .. name .. "%(") then
          lacking[#lacking + 1] = path .. ": " .. name
        end
      end
    end
    assert.are.same({}, lacking)
  end)
end)
