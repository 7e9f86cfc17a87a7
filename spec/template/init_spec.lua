local json = require("cjson")
local template = require("novita.template")

local function render(source, vars, options)
  local compiled = assert(template.compile(source, options))
  return compiled(vars)
end

local function read_json(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return json.decode(text)
end

-- Hundreds of instructions that `work` takes: the same on every run, unlike time.
local function count_steps(work)
  local jit = rawget(_G, "jit") -- compiled code is not counted
  if jit then
    jit.off()
    jit.flush()
  end
  local steps = 0
  debug.sethook(function() steps = steps + 1 end, "", 100)
  local ok, err = pcall(work)
  debug.sethook()
  if jit then jit.on() end
  assert(ok, err)
  return steps
end

describe("the Mustache specification", function()
  local count = 0
  local files = {
    "comments", "delimiters", "interpolation", "inverted", "partials", "sections",
  }
  for _, name in ipairs(files) do
    for _, test in ipairs(read_json("spec/template/mustache/" .. name .. ".json").tests) do
      count = count + 1
      it(name .. ": " .. test.name, function()
        local options = { missing = "empty", escape = "html", partials = test.partials }
        assert.equal(test.expected, render(test.template, test.data, options))
      end)
    end
  end

  it("has 136 cases", function() assert.equal(136, count) end)
end)

describe("a prompt", function()
  it("takes values as they are", function()
    local values = {
      "100%", "%0 %1 %%", "{{name}}", "{{#a}}", "{{=<% %>=}}", "}}", "<b>&amp;\"'", "a\0b",
      "{\"a\":{\"b\":1}}", "\r\n\t", "\255\254", "",
    }
    for _, value in ipairs(values) do
      assert.equal("[" .. value .. "]", render("[{{text}}]", { text = value, name = "no" }))
      assert.equal("[" .. value .. "]", render("[{{{text}}}]", { text = value }))
    end
  end)

  it("may hold literal JSON", function()
    for _, source in ipairs { '{"a": {"b": 1}}', '{"a":{"b":{"c":[{}]}}}', "}} }}}", "{ {", "{" } do
      assert.equal(source, render(source, {}))
    end
    assert.equal('{"a":{"b":7}}', render('{"a":{"b":{{n}}}}', { n = 7 }))
    assert.equal('{{"a"}}: 7', render('{{=<% %>=}}{{"a"}}: <%n%>', { n = 7 }))
  end)

  it("takes a value of 1 MiB", function()
    local text = ("%0{{x}}\n\195\164"):rep(104858)
    assert.equal(text .. "|" .. text, render("{{x}}|{{{x}}}", { x = text }))
    assert.equal(#text + 1, #render("{{x | trim | upper}}|", { x = text }))
  end)

  it("says which variable is missing, and where", function()
    local text, err = render("Dear {{user.name}}", { user = {} })
    assert.is_nil(text)
    assert.equal("line 1, column 6: {{user.name}} is missing", err.message)
    assert.equal(err.message, tostring(err))
    assert.same({ "user.name", 1, 6 }, { err.name, err.line, err.column })
  end)

  it("counts lines and characters, not bytes", function()
    local source = "a\r\n\r\n\195\164\226\130\172\240\159\154\128 {{x}}"
    local _, err = render(source, {})
    assert.same({ 3, 5 }, { err.line, err.column })
    _, err = render("{{#list}}\r\n  {{y}}{{/list}}", { list = { 1 } })
    assert.same({ 2, 3 }, { err.line, err.column })
  end)

  it("takes null for missing, but not false, 0 and the empty text", function()
    local _, err = render("{{x}}", { x = json.null })
    assert.equal("line 1, column 1: {{x}} is missing", err.message)
    local vars = { a = false, b = 0, c = "", d = true }
    assert.equal("false|0||true", render("{{a}}|{{b}}|{{c}}|{{d}}", vars))
  end)

  it("leaves optional parts out without an error", function()
    local source = "A{{#notes}} B {{notes}}{{/notes}}{{^notes}} C{{/notes}}"
    assert.equal("A B n", render(source, { notes = "n" }))
    assert.equal("A C", render(source, {}))
    for _, notes in ipairs { false, "", {}, json.null } do
      assert.equal("A C", render(source, { notes = notes }))
    end
    assert.equal("A B 0", render(source, { notes = 0 }))
  end)

  it("refuses tables and functions as text", function()
    local _, err = render("{{x}}", { x = { 1 } })
    assert.equal("line 1, column 1: {{x}} is a table (add | json to write it as text)", err.message)
    _, err = render("{{x}}", { x = print })
    assert.equal("line 1, column 1: {{x}} is a function", err.message)
    _, err = render("{{#x}}{{/x}}", { x = print })
    assert.equal("line 1, column 1: {{#x}} is a function", err.message)
  end)

  it("escapes as it is told, but not in triple braces", function()
    local source, vars = "{{x}} {{{x}}} {{&x}} {{n}}", { x = "<'>", n = 1 }
    assert.equal("<'> <'> <'> 1", render(source, vars))
    assert.equal("&lt;&#39;&gt; <'> <'> 1", render(source, vars, { escape = "html" }))
    local function quote(text) return "(" .. text .. ")" end
    assert.equal("(<'>) <'> <'> (1)", render(source, vars, { escape = quote }))
  end)

  it("can be rendered again, called or as a method, with or without variables", function()
    local compiled = assert(template.compile("Hi{{#name}} {{name}}{{/name}}"))
    assert.equal("Hi Ann", compiled { name = "Ann" })
    assert.equal("Hi Bob", compiled:render { name = "Bob" })
    assert.equal("Hi", compiled())
  end)
end)

describe("10,000 tags", function()
  local function many(count, piece)
    return function()
      assert(template.compile(piece:rep(count) .. count))({ x = "a", list = { 1 } })
    end
  end

  it("take ten times the work of 1,000", function()
    local pieces = { "{{x}}, ", "{{#list}}{{.}}{{/list}} ", " {{! c }}\n", "{{x | upper}}" }
    for _, piece in ipairs(pieces) do
      local few, all = count_steps(many(1000, piece)), count_steps(many(10000, piece))
      assert.is_true(all > 5 * few and all < 12 * few, piece .. few .. " " .. all)
    end
  end)

  it("are parsed once", function()
    local work = many(10000, "{{x}};")
    local first, second = count_steps(work), count_steps(work)
    assert.is_true(second < first / 2, first .. " " .. second)
  end)
end)

describe("what is kept parsed", function()
  it("has a limit", function()
    local function in_use()
      collectgarbage()
      collectgarbage()
      return collectgarbage("count")
    end
    local function fill_cache()
      for i = 1, 6000 do assert(template.compile(("{{x%d}} %s"):format(i, (" "):rep(1000)))) end
      return in_use()
    end
    local empty = in_use()
    local full = fill_cache()
    assert.is_true(fill_cache() - full < 2048)
    assert.is_true(full - empty < 32 * 1024)
  end)
end)

describe("partials", function()
  it("come from a table or a function", function()
    assert.equal("a b", render("a {{>p}}", { x = "b" }, { partials = { p = "{{x}}" } }))
    local function load(name) return "<" .. name .. ">" end
    assert.equal("a <p/q.txt>", render("a {{> p/q.txt }}", {}, { partials = load }))
  end)

  it("are looked for when the template is compiled", function()
    local _, err = template.compile("a\n{{>p}}")
    assert.equal("line 2, column 1: {{>p}} is missing", err.message)
    _, err = template.compile("a {{>p}}", { partials = { p = "b {{>q}}" } })
    assert.equal("partial p, line 1, column 3: {{>q}} is missing", err.message)
    _, err = template.compile("a {{>p}}", { partials = { p = "b\n {{#c}}" } })
    assert.equal("partial p, line 2, column 2: {{#c}} is never closed", err.message)
    _, err = template.compile("{{>p}}", { partials = { p = "{{x | shout}}" } })
    assert.equal("partial p, line 1, column 1: {{x | shout}} names no filter", err.message)
    assert.equal("a ", render("a {{>p}}", {}, { missing = "empty" }))
  end)

  it("name themselves in errors, without their indentation", function()
    local _, err = render("a\n   {{>p}}", {}, { partials = { p = "b\n {{c}}" } })
    assert.equal("partial p, line 2, column 2: {{c}} is missing", err.message)
    assert.equal("p", err.partial)
  end)

  it("may call themselves, up to a limit", function()
    local partials = { tree = "{{name}}{{#items}}({{>tree}}){{/items}}", endless = "{{>endless}}" }
    local vars = { name = "a", items = { { name = "b", items = {} }, { name = "c", items = {} } } }
    assert.equal("a(b)(c)", render("{{>tree}}", vars, { partials = partials }))
    local text, err = render("{{>endless}}", vars, { partials = partials })
    assert.is_nil(text)
    assert.equal("{{>endless}} is nested too deeply", err.message:match("{{.*"))
    local function longer(name) return "{{>" .. name .. "p}}" end
    text, err = template.compile("{{>p}}", { partials = longer })
    assert.is_nil(text)
    assert.truthy(err.message:find("is one too many", 1, true))
  end)
end)

describe("variables()", function()
  local function variables(source, partials)
    return assert(template.compile(source, { partials = partials })):variables()
  end

  it("lists what to supply, sorted", function()
    assert.same({ "a.1.b", "c", "d" }, variables('{{d}} {{{a.1.b}}} {{& c | default "x"}} {{d}}'))
    assert.same({}, variables("{{! x }} text {{=| |=}}"))
  end)

  it("lists names below the section they stand in", function()
    assert.same({ "items", "items.name", "items.tags", "items.tags.id" },
      variables("{{#items}}{{name}}{{#tags}}{{id}}{{.}}{{/tags}}{{/items}}"))
    assert.same({ "a", "b" }, variables("{{^a}}{{b}}{{/a}}"))
    assert.same({ "a" }, variables("{{#.}}{{a}}{{/.}}"))
  end)

  it("does not repeat there what is used outside", function()
    assert.same({ "notes" }, variables("{{#notes}}{{notes}}{{/notes}}"))
    assert.same({ "a", "b", "x" }, variables("{{#a}}{{#b}}{{x}}{{/b}}{{/a}}{{^b}}{{x}}{{/b}}"))
  end)

  it("looks into partials", function()
    local partials = { p = "{{x}}{{#items}}{{y}}{{>p}}{{/items}}" }
    assert.same({ "items", "items.y", "x" }, variables("{{>p}}", partials))
    assert.same({ "a", "a.items", "a.items.y", "a.x" }, variables("{{#a}}{{>p}}{{/a}}", partials))
  end)
end)

describe("misuse", function()
  local function misuse(message, ...)
    local ok, err = pcall(...)
    assert.is_false(ok)
    assert.equal(message, (err:gsub("^.-init_spec.lua:%d+: ", "")))
  end

  it("raises where the caller stands", function()
    local function compile(...) return (template.compile(...)) end
    local function fill(...) return (template.fill(...)) end
    local ok, err = pcall(function() return (template.compile(5)) end)
    assert.is_false(ok)
    assert.truthy(err:find("init_spec.lua:%d+: template: expected a string, got 5"))
    misuse('template.mising: unknown option; did you mean "missing"?',
      compile, "x", { mising = "empty" })
    misuse("template.strict: unknown option; there are encode, escape, filters, missing, partials",
      fill, "x", {}, { strict = true })
    misuse('template.missing: expected "empty" or "error", got "no"',
      compile, "x", { missing = "no" })
    misuse('template.escape: expected "html" or "none" or a function, got true',
      compile, "x", { escape = true })
    misuse("template.encode: expected a function, got a table", fill, {}, {}, { encode = {} })
    misuse('template: expected a table of options, got "html"', compile, "x", "html")
  end)
end)
