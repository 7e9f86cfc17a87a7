-- Every endpoint is a file in lua/novita/api with its spec, its place on a page, and an example.

local api = require("novita.api")
local reference = require("spec.support.reference")

local read = require("spec.support.files").read

-- What is no endpoint.
local NONE = { init = true, common = true }

local function all(pattern)
  local texts = {}
  for _, path in ipairs(reference.files(pattern)) do texts[#texts + 1] = read(path) end
  return table.concat(texts, "\n")
end

local pages, examples = all("doc/*.md"), all("examples/*.lua")

describe("the endpoint in", function()
  for _, path in ipairs(reference.files("lua/novita/api/*.lua")) do
    local name = path:match("([%w_]+)%.lua$")
    if not NONE[name] then
      it(path .. " has a spec, a page and an example", function()
        assert.is_truthy(io.open("spec/api/" .. name .. "_spec.lua"), "no spec")
        assert.is_truthy(pages:find("`novita." .. name .. "[(.]"), "no page")
        assert.is_truthy(examples:find("[%w_]+[.:]" .. name .. "[%s({:.]"), "no example")
      end)

      it(path .. " is a function of novita, and of clients", function()
        local novita = require("novita")
        local named = name == "models" or api.resources[name] ~= nil
        for _, call in ipairs(api.calls) do named = named or call == name end
        assert.is_true(named)
        assert.is_truthy(novita[name])
        assert.is_truthy(novita.new()[name])
      end)
    end
  end
end)
