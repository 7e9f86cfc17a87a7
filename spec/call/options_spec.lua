-- An option is one row: what is known, checked and described comes from it.

local core = require("novita.core")
local novita = require("novita")
local files = require("spec.support.files")
local option_pages = require("spec.support.option_pages")
local options = require("novita.call.options")
local reference = require("spec.support.reference")

describe("the rows of the options", function()
  local rows = options.rows()

  it("have a name, a type, a topic and a line of help each", function()
    local names = {}
    for _, row in ipairs(rows) do
      assert.is_nil(names[row.name], row.name .. " has two rows")
      names[row.name] = true
      for _, field in ipairs { "name", "type", "topic", "help" } do
        assert.are.equal("string", type(row[field]), row.name .. ": " .. field)
      end
      assert.is_nil(row.help:find("\n"), row.name)
    end
  end)

  it("are the options that a client knows, and no other", function()
    for _, row in ipairs(rows) do
      assert.has_no.errors(function() novita.new { [row.name] = false } end)
    end
    assert.error_matches(function() novita.new { stream = true } end, "unknown option")
  end)

  it("are those that the C module knows, for the wire", function()
    for _, row in ipairs(core.options()) do
      local _, err = core.chat({ model = "m", message = "Hi" }, { [row.name] = io.stdout })
      assert.are.equal(row.name, err.param)
      assert.are.equal(row.topic and "wire", options.known[row.name])
    end
  end)

  it("have a table in doc/ for each topic", function()
    local tables = {}
    for _, path in ipairs(reference.files("doc/*.md")) do
      for topic in files.read(path):gmatch("\n<!%-%- options: (%l+) %-%->\n") do
        assert.is_nil(tables[topic], "two tables: " .. topic)
        tables[topic] = true
      end
    end
    for _, row in ipairs(rows) do assert.is_true(tables[row.topic], row.topic) end
  end)
end)

describe("what make doc-options writes is written:", function()
  for path, text in pairs(option_pages.texts()) do
    it(path, function() assert.are.equal(text, files.read(path)) end)
  end
end)
