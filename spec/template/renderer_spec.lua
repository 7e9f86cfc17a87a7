local json = require("cjson")
local template = require("novita.template")

local function render(source, vars, options)
  local compiled = assert(template.compile(source, options))
  return compiled(vars)
end

describe("a path", function()
  it("steps into arrays from 1, and into what has digits for names", function()
    local reply = { choices = { { message = { content = "hi" } } } }
    local vars = { steps = { list = reply }, codes = { ["404"] = "gone", ["007"] = "Bond" } }
    assert.equal("hi", render("{{steps.list.choices.1.message.content}}", vars))
    assert.equal("gone Bond", render("{{codes.404}} {{codes.007}}", vars))
    assert.equal("", render("{{steps.list.choices.0}}{{codes.1}}", vars, { missing = "empty" }))
  end)

  it("does not lead into texts, numbers or null", function()
    for _, path in ipairs { "s.upper", "s.1", "s.len", "n.x", "z.x" } do
      local text, err = render("{{" .. path .. "}}", { s = "abc", n = 1, z = json.null })
      assert.is_nil(text)
      assert.equal("line 1, column 1: {{" .. path .. "}} is missing", err.message)
    end
  end)

  it("follows metatables", function()
    assert.equal("b", render("{{x.a}}", { x = setmetatable({}, { __index = { a = "b" } }) }))
  end)

  it("is looked up from the inside out, and null hides", function()
    local source = "{{#rows}}{{name}}{{#sub}}{{name}}{{/sub}};{{/rows}}"
    local row = { name = "a", sub = { { x = 1 }, { name = "b" } } }
    assert.equal("aab;out;", render(source, { name = "out", rows = { row, {} } }))
    row.name = json.null
    local text, err = render("{{#row}}{{name}}{{/row}}", { name = "out", row = row })
    assert.is_nil(text)
    assert.equal("line 1, column 9: {{name}} is missing", err.message)
  end)
end)

describe("a section", function()
  it("repeats for each item of a list", function()
    local vars = { rows = { { q = "a", tags = { "x", "y" } }, { q = "b", tags = {} } }, n = 1.0 }
    local tags = "{{#tags}} {{.}}{{/tags}}{{^tags}} none{{/tags}}"
    local source = "{{#rows}}\n- {{q}} {{n}}:" .. tags .. "\n{{/rows}}\n"
    assert.equal("- a 1: x y\n- b 1: none\n", render(source, vars))
    assert.equal("false true ", render("{{#list}}{{.}} {{/list}}", { list = { false, true } }))
  end)

  it("stands once for any other value, and makes it the context", function()
    local source = "{{#user}}{{name}}{{/user}} {{#n}}{{.}}{{/n}} {{#yes}}{{.}}{{/yes}}"
    assert.equal("Ann 3 true", render(source, { user = { name = "Ann" }, n = 3, yes = true }))
  end)

  it("finds null in a list missing", function()
    local _, err = render("{{#list}}{{.}}{{/list}}", { list = { 1, json.null } })
    assert.equal("line 1, column 10: {{.}} is missing", err.message)
  end)
end)

describe("an indented partial", function()
  it("indents its lines, but no empty ones and no values", function()
    local options = { partials = { p = "a\n\n{{x}}\r\n\r\n{{#y}}\nb\n{{/y}}\n" } }
    local text = render("  {{>p}}\n.", { x = "1\n2", y = true }, options)
    assert.equal("  a\n\n  1\n2\r\n\r\n  b\n.", text)
  end)
end)
