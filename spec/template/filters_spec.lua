local json = require("cjson")
local template = require("novita.template")

local function render(source, vars, options)
  local compiled = assert(template.compile(source, options))
  return compiled(vars)
end

local function message(...)
  local text, err = render(...)
  assert.is_nil(text)
  return err.message:match("{{.*")
end

describe("numbers", function()
  local numbers = {
    { 3, "3" }, { 3.0, "3" }, { -3.0, "-3" }, { 0.0, "0" }, { -0.0, "0" }, { 0.1, "0.1" },
    { 1.21, "1.21" }, { -2.5, "-2.5" }, { 1 / 3, "0.33333333333333" }, { 0.1 + 0.2, "0.3" },
    { 1e15, "1000000000000000" }, { 2 ^ 53, "9007199254740992" }, { 2 ^ 62, "4611686018427387904" },
    { -2 ^ 63, "-9223372036854775808" }, { 2 ^ 63, "9.2233720368548e+18" }, { 1e100, "1e+100" },
    { 1e-7, "1e-07" }, { 1 / 0, "inf" }, { -1 / 0, "-inf" }, { 0 / 0, "nan" }, { -(0 / 0), "nan" },
  }

  it("print alike on every Lua", function()
    for _, case in ipairs(numbers) do
      assert.equal(case[2], render("{{n}}", { n = case[1] }))
      assert.equal(case[2] .. "!", render("{{n | join}}!", { n = { case[1] } }))
    end
  end)

  it("have a decimal point in any locale", function()
    local format, texts = string.format, {}
    rawset(string, "format", function(...) return (format(...):gsub("%.", ",")) end)
    for i, case in ipairs(numbers) do texts[i] = render("{{n}}", { n = case[1] }) end
    rawset(string, "format", format)
    for i, case in ipairs(numbers) do assert.equal(case[2], texts[i]) end
  end)
end)

describe("a filter", function()
  local text = "\195\132pfel \226\130\172 \240\159\154\128!" -- 10 characters

  it("stands in for what is missing or empty: default", function()
    local source = '{{x | default "d"}}'
    for _, vars in ipairs { {}, { x = "" }, { x = json.null } } do
      assert.equal("d", render(source, vars))
    end
    assert.equal("false", render(source, { x = false }))
    assert.equal("0", render(source, { x = 0 }))
    assert.equal("0.5", render("{{x | default 0.5}}", {}))
    assert.equal("", render("{{x | default ''}}", {}))
    assert.equal("D", render('{{x | upper | default "d" | upper}}', {}))
    assert.equal("{{x}} is missing", message("{{x | upper}}", {}))
  end)

  it("changes case in ASCII and nothing else: upper, lower", function()
    assert.equal("\195\132A!", render("{{x | upper}}", { x = "\195\132a!" }))
    assert.equal("az\195\132!", render("{{x | lower}}", { x = "AZ\195\132!" }))
    assert.equal("TRUE", render("{{x | upper}}", { x = true }))
  end)

  it("drops blanks at both ends: trim", function()
    assert.equal("[a  b]", render("[{{x | trim}}]", { x = " \t\r\na  b\n " }))
    assert.equal("[]", render("[{{x | trim}}]", { x = (" "):rep(100000) }))
    assert.equal("[\195\160]", render("[{{x | trim}}]", { x = " \195\160 " }))
  end)

  it("counts characters or items: length", function()
    assert.equal("10", render("{{x | length}}", { x = text }))
    assert.equal("3", render("{{x | length}}", { x = { 1, 2, 3 } }))
    assert.equal("0", render("{{x | length}}", { x = {} }))
    assert.equal("2", render("{{x | length}}", { x = { a = 1, b = 2 } }))
  end)

  it("cuts between characters: truncate", function()
    local function truncate(arguments)
      return (render("{{x | truncate " .. arguments .. "}}", { x = text }))
    end
    assert.equal("\195\132", truncate("1"))
    assert.equal("\195\132pfel \226\130\172", truncate("7"))
    assert.equal("\195\132pfel \226\130\172...", truncate('7 "..."'))
    assert.equal(text, truncate('10 "..."'))
    assert.equal("\226\128\166", truncate("0 '\226\128\166'"))
    assert.equal("12", render("{{x | truncate 2}}", { x = 123 }))
    assert.equal("{{x | truncate}} needs a number of characters",
      message("{{x | truncate}}", { x = "" }))
  end)

  it("makes one text of a list: join", function()
    local vars = { list = { "a", 2, 3.5, false }, none = {} }
    assert.equal("a, 2, 3.5, false|", render("{{list | join}}|{{none | join}}", vars))
    assert.equal("a\n2\n3.5\nfalse", render([[{{list | join "\n"}}]], vars))
    assert.equal("{{x | join}} is not a list", message("{{x | join}}", { x = "a" }))
    assert.equal("{{x | join}} is not a list", message("{{x | join}}", { x = { a = 1 } }))
    assert.equal("{{x | join}} item 2 is null", message("{{x | join}}", { x = { 1, json.null } }))
  end)

  it("writes anything as JSON: json", function()
    local options = { encode = json.encode }
    assert.equal('["a",{"b":true}]', render("{{x | json}}", { x = { "a", { b = true } } }, options))
    assert.equal([["a\"b"]], render("{{x | json}}", { x = 'a"b' }, options))
    options = { encode = function() return nil, "cannot be encoded" end }
    assert.equal("{{x | json}} cannot be encoded", message("{{x | json}}", { x = 1 }, options))
  end)

  it("makes a text: string", function()
    assert.equal("3", render("{{x | string}}", { x = 3 }))
    assert.equal("{{x | string}} is a table (add | json to write it as text)",
      message("{{x | string}}", { x = {} }))
  end)

  it("may be the user's own", function()
    local own = {
      wrap = function(value, left, right) return left .. value .. (right or left) end,
      dashes = function(value) return value:gsub(" ", "-") end,
      upper = function(value) return value .. "!" end,
      even = function(value) if value % 2 == 0 then return value end return nil, "is odd" end,
      nothing = function() end,
      count = function(...) return select("#", ...) end,
    }
    local function apply(source, x) return render(source, { x = x }, { filters = own }) end
    assert.equal("<a-b>!", apply('{{x | dashes | wrap "<" ">" | upper}}', "a b"))
    assert.equal("'a'", apply([[{{x | wrap "'"}}]], "a"))
    assert.equal("4 1", apply("{{x | even}} {{x | count}}", 4))
    assert.equal("{{x | even}} is odd", message("{{x | even}}", { x = 3 }, { filters = own }))
    assert.equal("{{x}} is missing", message("{{x | nothing}}", { x = 3 }, { filters = own }))
    assert.equal("d", apply("{{x | nothing | default 'd'}}", 1))
  end)

  it("raises what the user's own raises", function()
    local value = {}
    local compiled = assert(template.compile("{{x | boom}}", {
      filters = { boom = function() error(value) end },
    }))
    local ok, err = pcall(compiled, { x = 1 })
    assert.is_false(ok)
    assert.equal(value, err)
  end)
end)
