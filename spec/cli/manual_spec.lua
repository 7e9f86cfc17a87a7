-- The man page is the one that the parsers make.

local manual = require("novita.cli.manual")
local files = require("spec.support.files")

describe("doc/novita.1", function()
  it("is current: make man writes it", function()
    assert.are.equal(manual.page(), files.read("doc/novita.1"))
  end)

  it("is read by man without a complaint", function()
    local pipe = assert(io.popen("groff -ww -man -Tascii doc/novita.1 2>&1 >/dev/null"))
    assert.are.equal("", pipe:read("*a"))
    pipe:close()
  end)
end)

describe("doc/command.md", function()
  it("names each option of each command in its section", function()
    local page, lacking = files.read("doc/command.md") .. "\n## ", {}
    local function check(own, section)
      for _, option in ipairs(own._options) do
        local name = option._aliases[#option._aliases]
        if name ~= "--help" and not section:find(name, 1, true) then
          lacking[#lacking + 1] = own:_get_fullname() .. " " .. name
        end
      end
      for _, below in ipairs(own._commands) do
        if not section:find(own:_get_fullname() .. " " .. below._name, 1, true) then
          lacking[#lacking + 1] = below:_get_fullname()
        end
        check(below, section)
      end
    end
    for _, own in ipairs(require("novita.cli.parser").new(require("novita.cli").commands())
      ._commands) do
      check(own, page:match("\n## novita " .. own._name .. "\n(.-)\n## ") or "")
    end
    assert.are.same({}, lacking)
  end)
end)
