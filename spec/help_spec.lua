-- :help novita has a tag or a line for every public name that users of Neovim have, and no other.

local reference = require("spec.support.reference")

local code, read = reference.code(), require("spec.support.files").read

describe(":help novita", function()
  local help = read("doc/novita.txt")

  -- Those that a user of Neovim has: not what the loops and nginx use.
  local function for_editors(set, pattern)
    local list = {}
    for name in pairs(set) do
      local tag = name:gsub("^(%l+):", "novita-%1:")
      if name:find(pattern) then list[tag] = true end
    end
    return list
  end

  local CLASSES = {
    "client", "conversation", "stream", "reply", "handle", "task", "template", "err", "files",
    "batches", "batch",
  }

  it("has a tag for each function and method, and no other", function()
    local wanted, tags = for_editors(code["function"], "^novita%."), {}
    for _, class in ipairs(CLASSES) do
      for tag in pairs(for_editors(code.method, "^" .. class .. ":")) do wanted[tag] = true end
    end
    for tag in help:gmatch("%*(novita[.-][%w_.:]+)[()]*%*") do
      if tag:find("^novita%.") and tag ~= "novita.txt" or tag:find(":") then tags[tag] = true end
    end
    assert.are.same(wanted, tags)
  end)

  local function section(title)
    return help:match("\n%d+%. " .. title .. "%s+%*novita%-.-\n====") or
      error("no section " .. title)
  end

  local function first_words(text)
    local set = {}
    for words in text:gmatch("\n\t([%l_][%l_%d, ]*)") do
      for name in words:gmatch("[%l_%d]+") do set[name] = true end
    end
    return set
  end

  it("names each option, and no other", function()
    local wanted = {}
    for _, category in ipairs { "option", "retry option", "limit option" } do
      for name in pairs(code[category]) do wanted[name] = true end
    end
    assert.are.same(wanted, first_words(section("Options")))
  end)

  it("names each kind of error, and no other", function()
    assert.are.same(code.kind, first_words(section("Errors")))
  end)

  it("names each handler", function()
    for name in pairs(code.handler) do
      assert.is_truthy(help:find("\n\t\t" .. name .. "(", 1, true), name)
    end
  end)

  it("has links that lead somewhere", function()
    local tags = {}
    for tag in help:gmatch("%*([^%s*]+)%*") do tags[tag] = true end
    for link in help:gmatch("|(novita[^%s|]*)|") do
      assert.is_true(tags[link] == true, link)
    end
  end)
end)
