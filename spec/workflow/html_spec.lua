-- Runs as HTML: what a timeline shows, and that no text of a run becomes markup.

local html = require("novita.workflow.html")

local HOSTILE = "<script>alert('x')</script>\"&amp;<!--"
local VOID = { meta = true }

local function record_with(fields)
  local record = {
    id = "3f2a00c1d2e4", flow = "triage", status = "paused", passes = 1,
    trigger = { text = "printer on fire" }, failed_step = "draft",
    error = { kind = "server", message = "HTTP 503" }, created_at = 1700000000.5,
    started_at = 1700000000.5, prompt_tokens = 20, completion_tokens = 7, usd = 0.00125,
    log = {
      { step = "classify", kind = "chat", pass = 1, attempt = 1, state = "done",
        at = 1700000001, seconds = 1.5, status = 200, prompt_tokens = 20, completion_tokens = 7,
        usd = 0.00125 },
      { step = "draft", kind = "chat", item = 2, pass = 1, attempt = 3, state = "failed",
        at = 1700000002.5, seconds = 0.5, error = { kind = "server", message = "HTTP 503" } },
    },
  }
  for name, value in pairs(fields or {}) do record[name] = value or nil end
  return record
end

-- Raises unless each element is closed, in the order in which they were opened.
local function check_balance(text)
  local open = {}
  text = text:gsub("<!DOCTYPE html>", ""):gsub("<style>.-</style>", "")
  for slash, name, rest in text:gmatch("<(/?)(%w+)([^>]*)>") do
    if slash == "/" then
      assert.are.equal(name, table.remove(open))
    elseif not VOID[name] and rest:sub(-1) ~= "/" then
      open[#open + 1] = name
    end
  end
  assert.are.same({}, open)
end

-- The text of the elements, without markup.
local function text_of(markup)
  return (markup:gsub("<[^>]*>", " "):gsub("%s+", " "))
end

local function assert_shows(markup, text)
  local all = text_of(markup)
  assert.is_truthy(all:find(text, 1, true), text .. " is not in: " .. all)
end

describe("the timeline of a run", function()
  it("has its state, its error, and what it was started with", function()
    local page = html.timeline(record_with())
    check_balance(page)
    assert_shows(page, "triage 3f2a00c1d2e4 paused")
    assert_shows(page, "Created 2023-11-14 22:13:20 UTC")
    assert_shows(page, "Failed step draft")
    assert_shows(page, "Error server: HTTP 503")
    assert_shows(page, 'Trigger {&quot;text&quot;:&quot;printer on fire&quot;}')
    assert_shows(page, "Tokens 20 + 7")
    assert_shows(page, "USD 0.001250")
    assert.is_nil(page:find("Result", 1, true))
  end)

  it("has each attempt, with its time, its tokens and its error", function()
    local page = html.timeline(record_with())
    assert_shows(page, "classify chat done 0.00 s 1.50 s 20 + 7 0.001250")
    assert_shows(page, "draft[2] chat failed (attempt 3) server: HTTP 503 1.50 s 0.50 s")
    assert.is_truthy(page:find('<rect class="done" x="0" y="0" width="750" height="10"/>', 1, true))
    assert.is_truthy(page:find('<rect class="failed" x="750" y="0" width="250"', 1, true))
  end)

  it("has a table for each pass, on an axis of its own", function()
    local record = record_with { status = "done", error = false }
    for index, state in ipairs { "reused", "done" } do
      record.log[#record.log + 1] = { step = "s" .. index, kind = "chat", pass = 2, attempt = 1,
        state = state, at = 1700100000 + index, seconds = 60 * index }
    end
    local page = html.timeline(record)
    check_balance(page)
    assert_shows(page, "Start, 2023-11-14 22:13:21 UTC")
    assert_shows(page, "Retry 1, 2023-11-16 02:00:01 UTC")
    assert_shows(page, "s1 chat reused 0.00 s 1 min 0 s")
    assert_shows(page, "s2 chat done 1.00 s 2 min 0 s")
    local _, bars = page:gsub("<rect", "")
    assert.are.equal(3, bars) -- a result that was reused took no time
  end)

  it("has a run that has not begun", function()
    local page = html.timeline { id = "a", flow = "f", status = "queued", created_at = 0, log = {} }
    check_balance(page)
    assert_shows(page, "f a queued Created 1970-01-01 00:00:00 UTC")
  end)

  it("has what was asked and answered, if the log has it", function()
    local record = record_with()
    record.log[1].input, record.log[1].answer = { model = "m" }, "two\nlines"
    local page = html.timeline(record)
    check_balance(page)
    assert_shows(page, "input {&quot;model&quot;:&quot;m&quot;} answer two lines")
  end)

  it("escapes every text of a run", function()
    local record = record_with()
    local function poison(from)
      for name, value in pairs(from) do
        if type(value) == "string" then from[name] = HOSTILE end
        if type(value) == "table" then poison(value) end
      end
    end
    record.parent, record.result, record.log[1].input = "p", { "r" }, "i"
    record.log[1].answer = { a = "b" }
    poison(record)
    for _, page in ipairs { html.timeline(record), html.file(record),
      html.list({ record }, function() return HOSTILE end) } do
      assert.is_nil(page:find("<script", 1, true))
      assert.is_nil(page:find("<!--", 1, true))
      assert.is_nil(page:find("&amp;<", 1, true))
      check_balance(page)
    end
  end)
end)

describe("the file of a run", function()
  it("has its style in it, loads nothing and runs nothing", function()
    local page = html.file(record_with())
    check_balance(page)
    assert.are.equal("<!DOCTYPE html>\n", page:sub(1, 16))
    assert.is_truthy(page:find("<title>triage 3f2a00c1d2e4</title>", 1, true))
    assert.is_truthy(page:find("content=\"default-src 'none'; style-src 'unsafe-inline'", 1, true))
    assert.is_truthy(page:find(html.STYLE, 1, true))
    for _, word in ipairs { "<script", "src=", "href=", "url(", "style=\"" } do
      assert.is_nil(page:find(word, 1, true), word)
    end
  end)
end)

describe("the list of runs", function()
  it("has a row for each, with a link", function()
    local page = html.list({ record_with(), record_with { id = "b", status = "done",
      failed_step = false } }, function(record) return "/runs/" .. record.id .. "?a&b" end)
    check_balance(page)
    assert.is_truthy(page:find('<a href="/runs/3f2a00c1d2e4?a&amp;b">3f2a00c1d2e4</a>', 1, true))
    assert_shows(page, "3f2a00c1d2e4 triage paused draft 2023-11-14 22:13:20 UTC 20 + 7")
    assert_shows(page, "b triage done")
  end)
end)

describe("a template", function()
  it("escapes its values, but those marked as HTML, and leaves nothing for nil", function()
    assert.are.equal("<b>&lt;&amp;&gt; 5 <i></i></b>", html.fill("<b>$text $number $html$none</b>",
      { text = "<&>", number = 5, html = html.raw("<i></i>") }))
    assert.are.equal("$1 $name", html.fill("$a", { a = "$1 $name" }))
  end)
end)
