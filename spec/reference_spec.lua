-- The pages in doc/ describe every public name, and none that does not exist, and every program in
-- them runs; the comments for editors name the same.

local child = require("spec.support.child")
local reference = require("spec.support.reference")
local simulator = require("spec.support.simulator_client")

local read, files = require("spec.support.files").read, reference.files

local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- What is in one and not in the other.
local function without(set, other)
  local list = {}
  for _, name in ipairs(sorted(set)) do
    if not other[name] then list[#list + 1] = name end
  end
  return list
end

local pages = files("doc/*.md")
local code = reference.code()
local described, entries = {}, {}
for _, page in ipairs(pages) do
  for _, entry in ipairs(reference.entries(page)) do
    if code[entry.category] then
      entries[#entries + 1] = entry
      local names = described[entry.category] or {}
      described[entry.category] = names
      names[entry.name or "?"] = (names[entry.name or "?"] or 0) + 1
    end
  end
end

-- The types of the C module.
local META = "lua/novita/meta/core.lua lua/novita/meta/nginx.lua lua/novita/meta/types.lua "
  .. "lua/novita/meta/terminal.lua lua/novita/meta/writer.lua"

describe("the reference", function()
  for _, category in ipairs(sorted(code)) do
    it("describes each " .. category .. " of the code, once, and no other", function()
      local names = described[category] or {}
      assert.are.same({}, without(code[category], names), "without an entry in doc/*.md")
      assert.are.same({}, without(names, code[category]), "in doc/*.md only")
      for name, count in pairs(names) do assert.are.equal(1, count, name) end
    end)
  end

  it("leaves no cell of an entry empty", function()
    local empty = {}
    for _, entry in ipairs(entries) do
      for title, cell in pairs(entry.cells) do
        if cell == "" then empty[#empty + 1] = table.concat({ entry.name, title }, ": ") end
      end
    end
    assert.are.same({}, empty)
  end)

  it("gives each option a type and a default", function()
    local lacking = {}
    for _, entry in ipairs(entries) do
      if entry.category:find("option$") and not (entry.cells.type and entry.cells.default) then
        table.insert(lacking, entry.name)
      end
    end
    assert.are.same({}, lacking)
  end)

  it("says what each function gives and how it fails", function()
    local lacking = {}
    for _, entry in ipairs(entries) do
      local is_function = entry.category:find("function$") or entry.category == "method"
      if is_function and not (entry.cells.returns and entry.cells.errors) then
        table.insert(lacking, entry.name)
      end
    end
    assert.are.same({}, lacking)
  end)

  it("counts what is public", function()
    local counts = { functions = 0, options = 0, others = 0 }
    local with_page = { functions = 0, options = 0, others = 0 }
    for category, names in pairs(code) do
      local sort = (category:find("function$") or category == "method" or category == "filter")
        and "functions" or (category:find("option$") or category == "handler") and "options"
        or "others"
      for name in pairs(names) do
        counts[sort] = counts[sort] + 1
        if (described[category] or {})[name] then with_page[sort] = with_page[sort] + 1 end
      end
    end
    if os.getenv("NOVITA_SPEC_FIGURES") then
      for _, sort in ipairs { "functions", "options", "others" } do
        print(("public %s: %d, with a page: %d"):format(sort, counts[sort], with_page[sort]))
      end
    end
    assert.are.same(counts, with_page)
  end)
end)

describe("the defaults in doc/", function()
  -- The number that a cell begins with.
  local function number_in(cell)
    return tonumber(cell:match("^`?([%d.]+)"))
  end

  local function default_of(category, name)
    for _, entry in ipairs(entries) do
      if entry.category == category and entry.name == name then
        return number_in(entry.cells.default)
      end
    end
  end

  it("are those of the retry policy", function()
    for name, value in pairs(require("novita.retry").policy(nil)) do
      assert.are.equal(value, default_of("retry option", name), name)
    end
  end)
end)

describe("the comments for editors", function()
  local classes = {
    option = "novita.Options", ["limit option"] = "novita.LimitOptions",
    ["shared limit option"] = "novita.SharedLimitOptions",
    ["template option"] = "novita.TemplateOptions", handler = "novita.Handlers",
  }
  for category, class in pairs(classes) do
    it("name each " .. category .. " in " .. class, function()
      assert.are.same(sorted(code[category]), sorted(reference.class(class)))
    end)
  end

  it("name each function and method of the C module, and no other", function()
    local named, real = {}, {}
    for _, path in ipairs(files(META)) do
      for name in read(path):gmatch("\nfunction ([%w_]+[.:][%w_]+)") do
        named[(name:gsub("^error_methods:", "err:"):gsub("^reply_methods:", "reply:"))] = true
      end
    end
    for name in pairs(code["core function"]) do
      local value = require("novita.core")[name:match("^core%.(.*)$")]
      real[name] = type(value) == "function" or nil
    end
    for name in pairs(code.method) do
      local class = name:match("^%l+")
      local in_registry = debug.getregistry()["novita." .. (class == "err" and "error" or class)]
      local in_lua = class == "reply" and name ~= "reply:text"
      if in_registry and not in_lua then real[name] = true end
    end
    assert.are.same(sorted(real), sorted(named))
  end)

  it("name each field of a retry policy", function()
    local fields = reference.class("novita.RetryPolicy")
    fields.preset = true -- gone from a whole policy
    assert.are.same(sorted(code["retry option"]), sorted(fields))
  end)

  it("name each kind of error", function()
    assert.are.same({}, without(reference.literal_kinds(), code.kind))
  end)

  it("name no kind of error that the code has not", function()
    local sources = {}
    for _, path in ipairs(files("lua/novita/*.lua lua/novita/*/*.lua src/*/*.c")) do
      if not path:find("meta/") then sources[#sources + 1] = read(path) end
    end
    local all = table.concat(sources, "\n")
    for kind in pairs(code.kind) do
      assert.is_truthy(all:find('"' .. kind .. '"', 1, true), kind)
    end
  end)
end)

describe("the pages", function()
  it("link to files and headings that exist", function()
    local broken = {}
    local function check(page, target)
      local path, anchor = target:match("^([^#]*)#?(.*)$")
      if path == "" then path = page else path = "doc/" .. path end
      local text = read(path)
      local found = text and anchor == ""
      for heading in ("\n" .. (text or "")):gmatch("\n#+ ([^\n]*)") do
        local slug = heading:lower():gsub("[^%w%-_ ]", ""):gsub(" ", "-")
        if slug == anchor then found = true end
      end
      if not found then broken[#broken + 1] = page .. ": " .. target end
    end
    for _, page in ipairs(pages) do
      for target in read(page):gmatch("%]%(([^)%s]+)%)") do check(page, target) end
    end
    assert.are.same({}, broken)
  end)

  it("are all in the index", function()
    local index = read("doc/README.md")
    for _, page in ipairs(pages) do
      local name = page:match("[^/]+$")
      assert.is_true(name == "README.md" or index:find("(" .. name, 1, true) ~= nil, name)
    end
  end)
end)

-- Programs for Neovim are run there, in spec/nvim/pages_nvim.lua.
describe("a program in", function()
  for _, page in ipairs(pages) do
    local number = 0
    for block in read(page):gmatch("\n```lua\n(.-)\n```") do
      number = number + 1
      if not block:find("vim.", 1, true) then
        it(("%s, number %d, runs"):format(page, number), function()
          simulator.shared():reset()
          local output, how, status = child.run(block, {
            NOVITA_BASE_URL = simulator.shared().url, NOVITA_API_KEY = "sk_page",
          })
          assert.are.same({ "exit", 0 }, { how, status }, output)
          assert.is_nil(output:find("%f[%a]nil%f[%A]"), output)
        end)
      end
    end
  end
end)
