--- Reads the event-stream vectors; spec/bytes/sse/README.md has their format.

local FILES = {
  "8.1-bytes", "8.2-lines", "8.3-fields", "8.4-data", "8.5-type-id", "8.6-end", "8.7-utf-8",
  "8.8-prompt", "8.9-size", "8.10-ceiling", "9.3-errors",
}

local ESCAPES = { n = "\n", r = "\r", t = "\t", s = " ", ["0"] = "\0", ["\\"] = "\\" }

local function unescape(text)
  return (text:gsub("\\(.)(%x?%x?)", function(kind, digits)
    if kind == "x" then return string.char(tonumber(digits, 16)) end
    return assert(ESCAPES[kind], "unknown escape") .. digits
  end))
end

-- One function for each word a line may begin with: case, text, count.
local words = {}

words["in"] = function(case, text, count)
  case.input[#case.input + 1] = text:rep(count)
end

function words.out(case, text)
  case.marks[#table.concat(case.input)] = tonumber(text)
end

function words.event(case, text, count)
  local event = { type = text, data = {}, id = "" }
  for _ = 1, count do case.events[#case.events + 1] = event end
end

function words.data(case, text, count)
  local data = case.events[#case.events].data
  data[#data + 1] = text:rep(count)
end

function words.id(case, text, count)
  case.events[#case.events].id = text:rep(count)
end

function words.ceiling(case, text)
  case.ceiling = tonumber(text)
end

function words.errors(case)
  case.errors = true
end

function words.too_big(case)
  case.too_big = true
end

function words.is_error() end

function words.pending() end

local function finish(case)
  case.input = table.concat(case.input)
  for _, event in ipairs(case.events) do
    if type(event.data) == "table" then event.data = table.concat(event.data) end
  end
end

local function read_file(path, cases)
  local case
  for line in io.lines(path) do
    local word, text = line:match("^(%S+) ?(.*)$")
    if word == "case" then
      case = { name = text, input = {}, events = {}, marks = {} }
      cases[#cases + 1] = case
    elseif word and word:sub(1, 1) ~= "#" then
      local name, count = word:match("^([%a_]+)%*?(%d*)$")
      words[name](case, unescape(text), tonumber(count) or 1)
    end
  end
end

--- All cases: name, input, events (type, data, id), marks (how many events are out, by offset),
-- ceiling, too_big, errors.
local function read(directory)
  local cases = {}
  for _, name in ipairs(FILES) do read_file(directory .. "/" .. name .. ".txt", cases) end
  for _, case in ipairs(cases) do finish(case) end
  return cases
end

return { read = read }
