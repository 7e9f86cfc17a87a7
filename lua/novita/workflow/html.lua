--- Runs as HTML: the list of them, and the timeline of one. Without scripts.
---
--- The templates of this file escape every value, so that no text of a run becomes markup.

local core = require("novita.core")

local html = {}

local ENTITIES = {
  ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;",
}

--- Escapes text for an element or a quoted attribute.
---@param text any
---@return string
function html.escape(text)
  text = tostring(text)
  if not text:find("[&<>\"']") then return text end
  return (text:gsub("[&<>\"']", ENTITIES))
end

--- Marks a string as HTML, which html.fill does not escape.
---@param text string
---@return table
function html.raw(text)
  return { html = text }
end

local parsed = {} -- template -> its texts, and between two of them a name

local function parse(template)
  local parts, from = {}, 1
  for start, name, stop in template:gmatch("()%$(%l+)()") do
    parts[#parts + 1] = template:sub(from, start - 1)
    parts[#parts + 1] = name
    from = stop
  end
  parts[#parts + 1] = template:sub(from)
  return parts
end

--- Fills a template, which is kept: `$name` is the value of that name, escaped unless html.raw has
--- marked it, and nothing for nil.
---@param template string
---@param values table<string, any>
---@return string
function html.fill(template, values)
  local parts = parsed[template] or parse(template)
  parsed[template] = parts
  local out = { parts[1] }
  for index = 2, #parts, 2 do
    local value = values[parts[index]]
    if type(value) == "table" then
      value = value.html
    elseif value ~= nil then
      value = html.escape(value)
    end
    out[index], out[index + 1] = value or "", parts[index + 1]
  end
  return table.concat(out)
end

local fill, raw = html.fill, html.raw

--- The style sheet of all pages.
html.STYLE = [[
:root { color-scheme: light dark; --line: #8884; --ok: #2a8a3e; --bad: #c5302b; --wait: #9a6b00; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
nav a, nav b { margin-right: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.bar { width: 30%; } td.bar svg { width: 100%; height: .8rem; }
.status { font-weight: 600; } .done { color: var(--ok); fill: var(--ok); }
.paused, .failed, .crashed, .lost { color: var(--bad); fill: var(--bad); }
.running, .sent, .queued { color: var(--wait); fill: var(--wait); } .reused { opacity: .7; }
.error { border-left: .3rem solid var(--bad); padding: .3rem .8rem; }
code, pre { font: 13px/1.4 ui-monospace, monospace; } pre { overflow: auto; white-space: pre-wrap; }
button { font: inherit; margin-top: 1rem; padding: .3rem 1rem; }
]]

-- Values ----------------------------------------------------------------------------------------

-- Formats a moment, in seconds since 1970.
local function moment(seconds)
  if not seconds then return nil end
  local whole = math.floor(seconds)
  return raw(fill('<time datetime="$iso">$text</time>', {
    iso = os.date("!%Y-%m-%dT%H:%M:%SZ", whole), text = os.date("!%Y-%m-%d %H:%M:%S UTC", whole),
  }))
end

-- Formats a duration in seconds, independently of the locale.
local function duration(seconds)
  if not seconds then return nil end
  local hundredths = math.floor(seconds * 100 + 0.5)
  if hundredths >= 6000 then return ("%d min %d s"):format(hundredths / 6000, seconds % 60) end
  return ("%d.%02d s"):format(math.floor(hundredths / 100), hundredths % 100)
end

local function tokens(of)
  local prompt, completion = of.prompt_tokens, of.completion_tokens
  if not prompt and not completion then return nil end
  return ("%d + %d"):format(prompt or 0, completion or 0)
end

local function cost(usd)
  return usd and ("%.6f"):format(usd)
end

local function json(value)
  return value ~= nil and (core.encode(value) or tostring(value)) or nil
end

local function status(word)
  return raw(fill('<span class="status $word">$word</span>', { word = word }))
end

-- The timeline ----------------------------------------------------------------------------------

local BAR_UNITS = 1000 -- of the width of a timeline

local function bar(entry, first, span)
  if not entry.seconds or entry.state == "reused" then return "" end
  return fill('<svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="presentation">'
    .. '<rect class="$state" x="$x" y="0" width="$width" height="10"/></svg>', {
      state = entry.state, x = math.floor((entry.at - first) / span * BAR_UNITS),
      width = math.max(4, math.floor(entry.seconds / span * BAR_UNITS)),
    })
end

local function details(title, value)
  if value == nil then return "" end
  return fill("<details><summary>$title</summary><pre>$text</pre></details>",
    { title = title, text = type(value) == "string" and value or json(value) })
end

local function problem(err)
  if not err then return "" end
  return fill('<div class="error">$kind: $message</div>',
    { kind = err.kind or "error", message = err.message })
end

local ENTRY = '<tr><td>$step$item</td><td>$kind</td><td>$status$attempt$problem$input$answer</td>'
  .. '<td class="number">$offset</td><td class="number">$seconds</td>'
  .. '<td class="number">$tokens</td><td class="number">$usd</td><td class="bar">$bar</td></tr>\n'

local function entry_row(entry, first, span)
  return fill(ENTRY, {
    step = entry.step, item = entry.item and ("[%d]"):format(entry.item), kind = entry.kind,
    status = status(entry.state),
    attempt = (entry.attempt or 0) > 1 and (" (attempt %d)"):format(entry.attempt) or nil,
    problem = raw(problem(entry.error)), input = raw(details("input", entry.input)),
    answer = raw(details("answer", entry.answer)), offset = duration(entry.at - first),
    seconds = duration(entry.seconds), tokens = tokens(entry), usd = cost(entry.usd),
    bar = raw(bar(entry, first, span)),
  })
end

local PASS = '<h2>$title, $moment</h2>\n<table><thead><tr><th>Step</th><th>Kind</th><th>State</th>'
  .. '<th class="number">At</th><th class="number">Time</th><th class="number">Tokens</th>'
  .. '<th class="number">USD</th><th></th></tr></thead>\n'
  .. "<tbody>\n$rows</tbody></table>\n"

-- The entries of one pass, on an axis of their own: a retry may come days later.
local function pass_section(entries)
  local first, last = entries[1].at, entries[1].at
  for _, entry in ipairs(entries) do
    first = math.min(first, entry.at)
    last = math.max(last, entry.at + (entry.seconds or 0))
  end
  local span = math.max(last - first, 0.001)
  local rows = {}
  for index, entry in ipairs(entries) do rows[index] = entry_row(entry, first, span) end
  local number = entries[1].pass
  return fill(PASS, {
    title = number > 1 and ("Retry %d"):format(number - 1) or "Start", moment = moment(first),
    rows = raw(table.concat(rows)),
  })
end

local function sections(log)
  local list, entries = {}, {}
  for _, entry in ipairs(log or {}) do
    if entries[1] and entry.pass ~= entries[1].pass then
      list[#list + 1], entries = pass_section(entries), {}
    end
    entries[#entries + 1] = entry
  end
  if entries[1] then list[#list + 1] = pass_section(entries) end
  return table.concat(list)
end

local HEAD = '<h1>$flow <code>$id</code> $status</h1>\n<table><tbody>\n$rows</tbody></table>\n'

local function head(record)
  local rows = {}
  local function add(name, value)
    if value == nil then return end
    rows[#rows + 1] = fill("<tr><th>$name</th><td>$value</td></tr>\n",
      { name = name, value = value })
  end
  add("Created", moment(record.created_at))
  add("Ended", moment(record.ended_at))
  add("Fork of", record.parent)
  add("Tokens", tokens(record))
  add("USD", cost(record.usd))
  add("Failed step", record.failed_step)
  add("Error", record.error and raw(problem(record.error)))
  add("Trigger", json(record.trigger))
  add("Result", json(record.result))
  return fill(HEAD, {
    flow = record.flow, id = record.id, status = status(record.status),
    rows = raw(table.concat(rows)),
  })
end

--- Returns the timeline of a run: its state, its error, each attempt with time, tokens and cost.
---@param record novita.RunRecord with its log
---@return string
function html.timeline(record)
  return head(record) .. sections(record.log)
end

-- Pages -----------------------------------------------------------------------------------------

local ROW = '<tr><td><a href="$link">$id</a></td><td>$flow</td><td>$status</td><td>$step</td>'
  .. '<td>$moment</td><td class="number">$tokens</td></tr>\n'

--- Returns a table of runs.
---@param list novita.RunRecord[]
---@param link fun(record: novita.RunRecord): string the URL of one
---@return string
function html.list(list, link)
  local rows = {}
  for index, record in ipairs(list) do
    rows[index] = fill(ROW, {
      link = link(record), id = record.id, flow = record.flow, status = status(record.status),
      step = record.failed_step, moment = moment(record.created_at), tokens = tokens(record),
    })
  end
  return "<table><thead><tr><th>Run</th><th>Workflow</th><th>State</th><th>Failed step</th>"
    .. '<th>Created</th><th class="number">Tokens</th></tr></thead>\n<tbody>\n'
    .. table.concat(rows)
    .. "</tbody></table>\n"
end

local DOCUMENT = '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
  .. '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
  .. "<title>$title</title>\n$head</head>\n<body>\n$body</body>\n</html>\n"

--- Returns a document.
---@param title string
---@param body string HTML
---@param more? string HTML of its head
---@return string
function html.document(title, body, more)
  return fill(DOCUMENT, { title = title, body = raw(body), head = raw(more or "") })
end

local FILE_HEAD = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
  .. "style-src 'unsafe-inline'\">\n<style>\n$style</style>\n"

--- Returns the timeline of a run as a file that needs no other one and loads nothing.
---@param record novita.RunRecord with its log
---@return string
function html.file(record)
  return html.document(("%s %s"):format(record.flow, record.id), html.timeline(record),
    fill(FILE_HEAD, { style = raw(html.STYLE) }))
end

return html
