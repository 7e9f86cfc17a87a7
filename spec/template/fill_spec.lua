-- Requests whose strings are templates.

local json = require("cjson")
local fill, filler = require("novita.template").fill, require("novita.template").filler

describe("fill", function()
  it("renders every string, and copies the rest", function()
    local request = {
      model = "{{trigger.model}}", temperature = 0.5, stream = false,
      messages = { { role = "user", content = "Summarize: {{trigger.article}}" } },
    }
    local filled = assert(fill(request, { trigger = { model = "m", article = "{{x}} %0" } }))
    assert.same({
      model = "m", temperature = 0.5, stream = false,
      messages = { { role = "user", content = "Summarize: {{x}} %0" } },
    }, filled)
    assert.equal("{{trigger.model}}", request.model)
    assert.not_equal(request.messages[1], filled.messages[1])
  end)

  it("keeps the type of a string that is one variable", function()
    local list = { "a", { b = 1 } }
    local vars = { n = 3, f = 0.5, yes = true, no = false, list = list, text = "{{n}}" }
    local function typed(source) return (assert(fill({ x = source }, vars))).x end
    assert.equal(3, typed("{{n}}"))
    assert.equal(0.5, typed("{{{ f }}}"))
    assert.equal(0.5, typed("{{nothing | default 0.5}}"))
    assert.equal(2, typed("{{list | length}}"))
    assert.equal("3", typed("{{n | string}}"))
    assert.equal("3 ", typed("{{n}} "))
    assert.equal("{{n}}", typed("{{text}}"))
    assert.equal(true, typed("{{yes}}"))
    assert.equal(false, fill("{{no}}", vars))
    assert.same(list, typed("{{list}}"))
    assert.not_equal(list, typed("{{list}}"))
    assert.not_equal(list[2], typed("{{list}}")[2])
    assert.equal('{"b":1}', (fill("{{list.2 | json}}", vars, { encode = json.encode })))
  end)

  it("names the field that it cannot fill", function()
    local function failing(value, vars)
      local filled, err = fill(value, vars)
      assert.is_nil(filled)
      return err
    end
    local request = { messages = { { content = "a" }, { content = "Hi {{name}}" } } }
    local err = failing(request, {})
    assert.equal("messages[2].content: line 1, column 4: {{name}} is missing", err.message)
    assert.same({ "messages[2].content", "name", 4 }, { err.field, err.name, err.column })
    err = failing({ n = "{{n}}" }, { n = json.null })
    assert.equal("n: line 1, column 1: {{n}} is missing", err.message)
    err = failing({ f = "{{f}}" }, { f = print })
    assert.equal("f: line 1, column 1: {{f}} is a function", err.message)
    err = failing { a = { b = { "{{#x}}" } } }
    assert.equal("a.b[1]: line 1, column 1: {{#x}} is never closed", err.message)
    assert.equal("line 1, column 1: {{x}} is missing", failing("{{x}}").message)
  end)

  it("makes a missing value an empty text if that is asked for", function()
    assert.same({ x = "", y = "a" }, fill({ x = "{{x}}", y = "a{{y}}" }, {}, { missing = "empty" }))
  end)
end)

describe("a filler", function()
  it("fills a request as fill does, as often as it is called", function()
    local request = { model = "m", list = { "{{x}}", "a {{x}}", "{{x}}" }, role = "{{x}}" }
    local filled = assert(filler(request))
    for _, x in ipairs { 1, "two", { 3, { 4 } } } do
      if type(x) == "table" then request.list[2] = nil end
      assert.same(fill(request, { x = x }), filled({ x = x }))
    end
    local none, err = filled {}
    assert.is_nil(none)
    assert.equal("list[1]: line 1, column 1: {{x}} is missing", err.message)
  end)

  it("is none where a template is wrong", function()
    local none, err = filler { a = { "{{x}}", "{{x" } }
    assert.is_nil(none)
    assert.equal("a[2]", err.field)
    assert.truthy(err.message:find("^a%[2%]: line 1"), err.message)
  end)
end)
