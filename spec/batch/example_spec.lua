-- Replays examples/many_machines.md: its programs and commands, and what they print.

local engine = require("spec.support.stores").postgres
local files = require("spec.support.files")
local read = require("spec.support.files").read
local talk = require("spec.support.client")

local LUA = os.getenv("NOVITA_LUA") or "lua5.4"
local PATH = "PATH=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1):$PATH\n"

describe("examples/many_machines.md, #postgres,", function()
  local dir

  setup(engine.setup)
  before_each(function()
    dir = files.folder()
    talk.sim:reset()
  end)
  after_each(engine.clear)

  -- The commands, one script; what they print, and the output that the page shows, both in order.
  local function replay()
    local script, shown = { PATH, "cd '" .. dir .. "'" }, {}
    for kind, block in read("examples/many_machines.md"):gmatch("```(%l+)\n(.-)```") do
      if kind == "lua" then
        files.write(dir .. "/worker.lua", block)
      elseif kind == "sh" then
        script[#script + 1] = block:gsub("lua5.4", LUA)
          :gsub('"postgresql://[^"]*"', function() return '"' .. engine.address() .. '"' end)
      else
        shown[#shown + 1] = block
      end
    end
    files.write(dir .. "/script", table.concat(script, "\n"))
    local pipe = assert(io.popen(("NOVITA_BASE_URL='%s' NOVITA_API_KEY=%s sh '%s/script' 2>&1")
      :format(talk.sim.url, talk.KEY, dir)))
    local output = pipe:read("*a")
    pipe:close()
    return output, table.concat(shown)
  end

  it("is what happens", function()
    local output, shown = replay()
    local expected = {}
    for line in output:gmatch("[^\n]+") do
      local twice = expected[#expected] == line and line:find("rows answered") -- two end together
      if not twice then expected[#expected + 1] = line end
    end
    local wanted = {}
    for line in shown:gmatch("[^\n]+") do
      if wanted[#wanted] ~= line then wanted[#wanted + 1] = line end
    end
    assert.are.same(wanted, expected)
  end)
end)
