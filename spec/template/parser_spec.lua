local template = require("novita.template")

local function render(source, vars, options)
  local compiled = assert(template.compile(source, options))
  return compiled(vars)
end

describe("a tag that is wrong", function()
  local cases = { -- source, line, column, name, message
    { "a\n b {{x", 2, 4, "{{", "{{ is never closed" },
    { "{{{x}}", 1, 1, "{{", "{{ is never closed" },
    { "{{=<% %>}} x", 1, 1, "{{", "{{ is never closed" },
    { "{{=<% %>=}}\n<% x", 2, 1, "<%", "<% is never closed" },
    { "\195\164 {{#a}} {{#b}} {{/b}}", 1, 3, "a", "{{#a}} is never closed" },
    { "{{^a}}\r\n", 1, 1, "a", "{{^a}} is never closed" },
    { "a {{/a}}", 1, 3, "a", "{{/a}} closes nothing" },
    { "{{#a}}\n  {{#b}}\n  {{/a}}", 3, 3, "a", "{{/a}} stands where {{/b}} is due" },
    { "{{=x=}}", 1, 1, "x", "{{=x=}} does not give two delimiters" },
    { "{{=a b c=}}", 1, 1, "a b c", "{{=a b c=}} does not give two delimiters" },
    { "{{= =x y =}}", 1, 1, "=x y", "{{==x y=}} does not give two delimiters" },
    { "{{x y}}", 1, 1, "x y", "{{x y}} has more than a name and filters (| filter)" },
    { "{{x | }}", 1, 1, "x |", "{{x |}} has more than a name and filters (| filter)" },
    { "{{x | shout}}", 1, 1, "x", "{{x | shout}} names no filter" },
    { "{{x | upper | }}", 1, 1, "x | upper |",
      "{{x | upper |}} has more than a name and filters (| filter)" },
  }
  local no_names = { "", ".a", "a.", "a..b", "..", '"a":1', "{a", "a}b", "| upper", "a'b" }
  for _, name in ipairs(no_names) do
    local message = "{{" .. name .. "}} is not a name "
      .. "(for literal braces change the delimiters: {{=<% %>=}})"
    if name:sub(1, 1) == "{" then message = nil end
    cases[#cases + 1] = { "{{" .. name .. "}}", 1, 1, name, message }
  end
  for _, literal in ipairs { '"a', "'a", "a", "1 2 3", "5x", '"a""', "0x", "-", '"\\"', "1e5" } do
    local text = "x | default " .. literal
    cases[#cases + 1] = { "{{" .. text .. "}}", 1, 1, text, "{{" .. text
      .. "}} gives default other than up to two strings in quotes or numbers" }
  end

  it("is an error with its place", function()
    for _, case in ipairs(cases) do
      local compiled, err = template.compile(case[1])
      assert.is_nil(compiled, case[1])
      if case[5] then
        assert.equal(("line %d, column %d: "):format(case[2], case[3]) .. case[5], err.message)
        assert.same({ case[2], case[3], case[4] }, { err.line, err.column, err.name })
      end
    end
  end)

  it("is shown in one short line", function()
    local _, err = template.compile("{{" .. ("ab\n"):rep(1000) .. "}}")
    assert.is_true(#err.message < 200)
    assert.is_nil(err.message:find("\n"))
  end)
end)

describe("a name", function()
  it("may have any characters but blanks, quotes, braces and bars", function()
    local vars = { ["a-b"] = 1, ["$\195\160"] = 2, ["x/y:z"] = { ["@1"] = 3 }, ["#"] = 4 }
    assert.equal("1 2 3", render("{{a-b}} {{$\195\160}} {{ x/y:z.@1 }}", vars))
  end)
end)

describe("an argument", function()
  local function argument(literal)
    return (render("{{x | default " .. literal .. "}}", {}))
  end

  it("is a text in either quotes, with escapes", function()
    assert.equal("a b", argument('"a b"'))
    assert.equal('a"b', argument("'a\"b'"))
    assert.equal("a | b", argument('"a | b"|string'))
    assert.equal('"\n\t\r\\n%1', argument([["\"\n\t\r\\n%1"]]))
    assert.equal("\\034'", argument([['\\034\'']]))
    assert.equal("\195\160", argument("'\195\160'"))
    assert.equal("a\nb", argument("'a\nb'"))
  end)

  it("is a number", function()
    assert.equal("7", argument("7"))
    assert.equal("-7.25", argument("-7.25"))
    assert.equal("-0.05", argument("-0.05"))
    assert.equal("7", argument("7."))
  end)
end)

describe("delimiters", function()
  it("let literal braces and filters stand side by side", function()
    assert.equal("{{x}} A {{{", render("{{=<% %>=}}{{x}} <% x | upper %> {{{", { x = "a" }))
    assert.equal("a {{x}} a", render("{{x}} {{=[ ]=}}{{x}}[={{ }}=] {{x}}", { x = "a" }))
    assert.equal("a<", render("{{=<% %>=}}<%{x}%><", { x = "a" }))
  end)
end)

describe("sections in each other", function()
  local function nested(depth)
    return ("{{#a}}"):rep(depth) .. "x" .. ("{{/a}}"):rep(depth)
  end

  it("have a limit", function()
    assert.equal("x", render(nested(100), { a = true }))
    local compiled, err = template.compile(nested(101))
    assert.is_nil(compiled)
    assert.equal("line 1, column 601: {{#a}} is in too many sections", err.message)
    assert.is_nil((template.compile(nested(100000))))
  end)
end)
