--- Records of CSV as RFC 4180 defines it: cells between commas, those in quotes may hold commas,
--- newlines and, doubled, quotes. The first record names the columns.

local core = require("novita.core")

local csv = {}

-- Reads a cell without quotes. Returns the text and the place after it, or nil and what is wrong.
local function plain_cell(text, at)
  local stop = text:find(",", at, true) or #text + 1
  local cell = text:sub(at, stop - 1)
  if cell:find('"', 1, true) then return nil, "has a quote inside a cell without quotes" end
  if cell:find("\r", 1, true) then return nil, "has a carriage return without a line feed" end
  return cell, stop
end

-- Reads on in quotes, from the place after the opening quote or from the start of a line. Adds to
-- `parts`. Returns the place after the closing quote, or nil where the line ends before it.
local function quoted_part(text, at, parts)
  while true do
    local stop = text:find('"', at, true)
    if not stop then
      parts[#parts + 1] = text:sub(at)
      return nil
    end
    parts[#parts + 1] = text:sub(at, stop - 1)
    if text:sub(stop + 1, stop + 1) ~= '"' then return stop + 1 end
    parts[#parts + 1] = '"'
    at = stop + 2
  end
end

local Reader = {}
Reader.__index = Reader

-- Takes the next line into the record. Returns it, or nil where the file ends or the record is
-- longer than it may be.
function Reader:take(record)
  local line, failure = self.next_line()
  if not line then
    self.failure = failure
    record.problem = record.problem or "has a quote that is never closed"
    return nil
  end
  record.length = record.length + line.length
  if line.too_long or record.length > self.most then
    record.problem = ("is too long: more than %d bytes"):format(self.most)
    return nil
  end
  return line
end

-- Reads a cell in quotes, over as many lines as it has. Returns the text, the place after it and
-- the line that it ends in; nil after a problem.
function Reader:quoted_cell(record, line, at)
  local parts = {}
  local stop = quoted_part(line.text, at + 1, parts)
  while not stop do
    parts[#parts + 1] = line.ending
    line = self:take(record)
    if not line then return nil end
    stop = quoted_part(line.text, 1, parts)
  end
  local after = line.text:sub(stop, stop)
  if after ~= "" and after ~= "," then
    record.problem = "has something between a closing quote and the comma"
  end
  return table.concat(parts), stop, line
end

-- Reads the cells of the record that begins with a line.
function Reader:cells(record, line)
  local cells, at = {}, 1
  repeat
    local cell, stop
    if line.text:sub(at, at) == '"' then
      cell, stop, line = self:quoted_cell(record, line, at)
    else
      cell, stop = plain_cell(line.text, at)
      if not cell then record.problem = stop end
    end
    if record.problem then return nil end
    cells[#cells + 1] = cell
    at = stop + 1
  until stop > #line.text
  return cells
end

-- The next record with its cells or a problem; nil at the end, nil and why on failure.
function Reader:record()
  local line, failure
  repeat
    line, failure = self.next_line()
    if not line then return nil, failure end
  until line.too_long or line.text ~= ""
  local record = { line = line.number, offset = line.offset, length = line.length }
  if line.too_long then
    record.problem = ("is too long: more than %d bytes"):format(self.most)
  else
    record.cells = self:cells(record, line)
  end
  if self.failure then return nil, self.failure end
  return record
end

local function new_reader(next_line, most)
  return setmetatable({ next_line = next_line, most = most }, Reader)
end

local function is_utf8(text)
  return core.ascii(text) == #text or core.encode(text) ~= nil
end

--- Reads the names of the columns from the first record.
---@param next_line fun(): novita.batch.Line?, string?
---@param most integer bytes that a record may have
---@return string[]? names none for an empty file; nil on failure
---@return string? problem
function csv.header(next_line, most)
  local reader = new_reader(next_line, most)
  local record, failure = reader:record()
  if not record then return not failure and {} or nil, failure end
  local place = ("line %d "):format(record.line)
  if record.problem then return nil, place .. record.problem end
  local seen = {}
  for _, name in ipairs(record.cells) do
    if seen[name] then return nil, ('%snames the column "%s" twice'):format(place, name) end
    if not is_utf8(name) then return nil, place .. "is not UTF-8" end
    seen[name] = true
  end
  return record.cells
end

-- The table of a record's cells by the names of their columns, or nil and what is wrong.
local function row_of(cells, names)
  if #cells ~= #names then
    return nil, ("has %d cells where the header has %d"):format(#cells, #names)
  end
  local row = {}
  for index, name in ipairs(names) do
    if not is_utf8(cells[index]) then return nil, ('is not UTF-8 in "%s"'):format(name) end
    row[name] = cells[index]
  end
  return row
end

--- Returns a function that gives one record after the other. Empty lines are no records.
---@param next_line fun(): novita.batch.Line?, string?
---@param most integer bytes that a record may have
---@param names string[] of the columns
---@return fun(): novita.batch.Record?, string? next nil at the end, nil and why on failure
function csv.records(next_line, most, names)
  local reader = new_reader(next_line, most)
  return function()
    local found, failure = reader:record()
    if not found then return nil, failure end
    local record = { line = found.line, offset = found.offset, problem = found.problem }
    if found.cells then record.row, record.problem = row_of(found.cells, names) end
    return record
  end
end

return csv
