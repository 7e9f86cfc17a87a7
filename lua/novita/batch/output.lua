--- The output of a batch: a line a row, as OpenAI's and Novita's batches write them, in a file that
--- is complete or not there. What the server sent stands in it as it came.

local core = require("novita.core")
local config_error = require("novita.error_hint").config_error

local output = {}

local BLOCK = 65536 -- bytes that are written at once

---@class novita.batch.Result
---@field id string
---@field status? integer HTTP status of the answer
---@field request_id? string
---@field answer? string bytes of its body
---@field error? { code: string?, message: string? } and more fields

local NOT_RUN = { code = "not_run", message = "this row was not run" }

-- A text as JSON, whatever its bytes.
local function quoted(text)
  return core.encode(text) or core.encode((text:gsub("[\128-\255]", "?")))
end

-- The bytes of a body as a value in a line of JSON, without a BOM. Line ends are white space there:
-- none is within a string. What is not JSON becomes a string. A success was read when it came.
local function body_of(result)
  local bytes = result.answer or ""
  local is_success = not result.error and result.status and result.status < 300
  if not is_success and core.decode(bytes) == nil then return quoted(bytes) end
  if bytes:byte() == 239 then bytes = bytes:gsub("^\239\187\191", "") end
  local is_line = not bytes:find("\n", 1, true) and not bytes:find("\r", 1, true)
  return is_line and bytes or (bytes:gsub("[\r\n]+", " "))
end

local function error_text(err)
  return err and (core.encode(err) or quoted(tostring(err.message))) or "null"
end

--- Returns the line of a row, with its LF, in three parts, so that a long answer is not copied. A
--- row without an answer and an error is marked as not run.
---@param result novita.batch.Result
---@return string head, string body, string tail
function output.line(result)
  local id = quoted(result.id)
  if not result.answer and not result.status then
    return ('{"custom_id":%s,"response":'):format(id), "null",
      (',"error":%s}\n'):format(error_text(result.error or NOT_RUN))
  end
  local head = ('{"custom_id":%s,"response":{"status_code":%s,"request_id":%s,"body":'):format(id,
    result.status and ("%d"):format(result.status) or "null",
    result.request_id and quoted(result.request_id) or "null")
  return head, body_of(result), ('},"error":%s}\n'):format(error_text(result.error))
end

local function failed(path, problem)
  return nil, config_error("output", ('"%s": %s'):format(path, problem))
end

-- Adds the parts of a line to a list; returns their bytes.
local function add(list, head, body, tail)
  list[#list + 1] = head
  if not body then return #head end
  list[#list + 1] = body
  list[#list + 1] = tail
  return #head + #body + #tail
end

-- Writes lines; returns how many, or nil and an error or what is wrong.
local function write_lines(writer, next_line)
  local count, parts, size = 0, {}, 0
  while true do
    local head, body, tail = next_line()
    if not head and body then return nil, body end
    if not head or size > BLOCK then
      local written, problem = writer:write(table.concat(parts))
      if not written then return nil, problem end
      parts, size = {}, 0
    end
    if not head then return count end
    count, size = count + 1, size + add(parts, head, body, tail)
  end
end

--- Writes lines into a file that is complete or not there: it is written beside and renamed, when
--- the disk holds it. One that was there keeps its mode.
---@param path string
---@param next_line fun(): string?, string|novita.Error|nil, string? a line with its LF, whole or in
---  three parts; nil at the end, nil and an error
---@param private? boolean for its owner only
---@return integer? count of the lines; nil on failure
---@return novita.Error? err kind config, or that of next_line
function output.write_lines(path, next_line, private)
  local writer, problem = core.writer(path, private)
  if not writer then return failed(path, problem) end
  local count
  count, problem = write_lines(writer, next_line)
  if count then
    local finished
    finished, problem = writer:finish()
    if finished then return count end
  end
  writer:close()
  if type(problem) ~= "string" then return nil, problem end
  return failed(path, problem)
end

--- Writes the lines of results in their order.
---@param path string
---@param next_result fun(): novita.batch.Result?, novita.Error? nil at the end
---@return integer? count of the lines; nil on failure
---@return novita.Error? err kind config, or that of next_result
function output.write(path, next_result)
  return output.write_lines(path, function()
    local result, err = next_result()
    if not result then return nil, err end
    return output.line(result)
  end)
end

--- Refuses an output that is a file which must stay: the output replaces what is there.
---@param path string
---@param other? string the name of such a file; nil where there is none
---@param what string says which
---@return true? ok nil if both names lead to one file
---@return novita.Error? err kind config
function output.differs(path, other, what)
  if other and (path == other or core.same_file(path, other)) then
    return failed(path, ("is %s, which it would replace"):format(what))
  end
  return true
end

--- Checks that a file can be written: its folder is writable, and the disk has room.
---@param path string
---@return true? ok nil if it could not
---@return novita.Error? err kind config
function output.check(path)
  local writer, problem = core.writer(path)
  local ok
  if writer then
    ok, problem = writer:write((" "):rep(BLOCK))
    if ok then ok, problem = writer:sync() end
    writer:close()
  end
  if ok then return true end
  return failed(path, problem)
end

return output
