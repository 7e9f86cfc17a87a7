-- What is written from the rows of the options: the tables in doc/*.md below a line
-- "<!-- options: topic -->", the list in :help, and the LuaCATS classes.
--
--   option_pages.texts()   { [path] = text as it has to be }
--   option_pages.write()   writes them; make doc-options

local core = require("novita.core")
local options = require("novita.call.options")
local files = require("spec.support.files")
local reference = require("spec.support.reference")

local option_pages = {}

-- A default as it is read: "64 MiB", "10", "none".
local function default_of(row)
  local value = row.default
  if row.unit == "bytes" and value then
    local unit, name = 2 ^ 10, " KiB"
    if value >= 2 ^ 20 then unit, name = 2 ^ 20, " MiB" end
    return ("%d%s"):format(value / unit, name)
  end
  if type(value) == "number" then return ("%.14g"):format(value) end
  return value == nil and "none" or tostring(value)
end

-- Markdown without its links.
local function plain(markdown)
  return (markdown:gsub("%[([^%]]*)%]%([^)]*%)", "%1"))
end

local function cell(text) return (text:gsub("|", "\\|")) end

local function markdown_row(row)
  local type_of = "`" .. cell(row.type) .. "`" .. (row.unit and ", " .. row.unit or "")
  return ("| `%s` | %s | %s | %s |"):format(row.name, type_of, default_of(row), cell(row.help))
end

local function sentence(row)
  local default = default_of(row)
  return (row.unit and row.unit .. ": " or "") .. plain(row.help)
    .. (default ~= "none" and "; default: " .. default or "")
end

-- A text in lines of at most so many characters.
local function wrapped(text, width)
  local lines, line = {}, nil
  for word in text:gmatch("%S+") do
    if line and #line + 1 + #word > width then
      lines[#lines + 1], line = line, nil
    end
    line = line and line .. " " .. word or word
  end
  lines[#lines + 1] = line
  return lines
end

-- A function or some words are told by their type.
local function help_row(row)
  local tabs = ("\t"):rep(3 - math.floor(#row.name / 8))
  local type_of = row.type:find('^["f]') and row.type .. ": " or ""
  return "\t" .. row.name .. tabs
    .. table.concat(wrapped(type_of .. sentence(row), 46), "\n\t\t\t\t")
end

local function field_row(row)
  local text = ("@field %s? %s %s"):format(row.name, row.type, sentence(row))
  return "---" .. table.concat(wrapped(text, 95), "\n---  ")
end

-- The text with other lines in place of those that begin with `prefix` behind this one.
local function replace(text, line, prefix, rows)
  local _, last = text:find("\n" .. line .. "\n", 1, true)
  assert(last, "no line " .. line)
  local stop = last + 1
  while text:sub(stop, stop + #prefix - 1) == prefix do
    stop = assert(text:find("\n", stop, true)) + 1
  end
  return text:sub(1, last) .. table.concat(rows, "\n") .. "\n" .. text:sub(stop)
end

local function each_of(rows, write, topic)
  local list = {}
  for _, row in ipairs(rows) do
    if not topic or row.topic == topic then list[#list + 1] = write(row) end
  end
  return list
end

--- The texts as they have to be.
---@return table<string, string>
function option_pages.texts()
  local rows, texts = options.rows(), {}
  for _, path in ipairs(reference.files("doc/*.md")) do
    local text = files.read(path)
    for topic in text:gmatch("\n<!%-%- options: (%l+) %-%->\n") do
      local list = each_of(rows, markdown_row, topic)
      table.insert(list, 1, "| option | type | default | meaning |\n|---|---|---|---|")
      texts[path] = replace(texts[path] or text, ("<!-- options: %s -->"):format(topic), "|", list)
    end
  end
  local help, api = "doc/novita.txt", "lua/novita/meta/options.lua"
  local in_core = "lua/novita/meta/types.lua"
  texts[help] = replace(files.read(help), "|novita-pages|.\n", "\t",
    each_of(rows, help_row))
  texts[api] = replace(files.read(api), "---@class novita.Options", "---",
    each_of(rows, field_row))
  texts[in_core] = replace(files.read(in_core), "---@class novita.core.Options", "---",
    each_of(core.options(), field_row))
  return texts
end

--- Writes them.
function option_pages.write()
  for path, text in pairs(option_pages.texts()) do
    if text ~= files.read(path) then
      local file = assert(io.open(path, "wb"))
      assert(file:write(text))
      file:close()
      print("wrote " .. path)
    end
  end
end

return option_pages
