-- Answers of any shape whatever: nothing raises, and what is made of one can be read and sent back.

local core = require("novita.core")

local assemble = require("novita.stream.accumulator")

require("novita.reply")

local ATOMS = { "null", "true", "false", "0", "1", "-1", "1.5", '""', '" "', '"a"', '"{}"', "[]",
  "{}", "[null]", '[1,"b"]', '{"type":"text","text":"t"}', '{"x":{"y":[]}}', '"error"', '[[["d"]]]',
  '[{"type":"thinking","thinking":[{"text":"x"}]}]' }

local NAMES = { "index", "delta", "message", "finish_reason", "error", "content", "role", "id",
  "reasoning", "reasoning_content", "refusal", "tool_calls", "function", "name", "arguments",
  "type", "text", "logprobs", "audio", "function_call", "reasoning_details", "data", "choices",
  "usage",
  "custom", "thinking", "summary", "object", "json" }

local random = require("spec.support.random")(1)

local function pick(list) return list[random(#list)] end

local function value(depth)
  if depth == 0 or random(4) == 1 then return pick(ATOMS) end
  local parts, is_list = {}, random(3) == 1
  for index = 1, random(5) - 1 do
    parts[index] = (is_list and "" or '"' .. pick(NAMES) .. '":') .. value(depth - 1)
  end
  return is_list and "[" .. table.concat(parts, ",") .. "]"
    or "{" .. table.concat(parts, ",") .. "}"
end

-- A value, nearly always the usual one.
local function nearly(usual, depth)
  return random(8) == 1 and value(depth) or usual
end

local function chunk(body)
  return ('{"choices":[{"index":%s,"%s":{"content":%s,"%s":%s,"tool_calls":[{"index":0,"id":%s,'
    .. '"function":{"name":%s,"arguments":%s}}]},"finish_reason":%s,"%s":%s}],"%s":%s}'):format(
    nearly("0", 1), body, value(3), pick(NAMES), value(3), nearly('"a"', 1), nearly('"f"', 1),
    value(2), nearly("null", 1), pick(NAMES), nearly("null", 2), pick(NAMES), nearly("null", 3))
end

-- Adds a chunk and reads what has become of it; returns a problem, or nil.
local function try(assembler, json, whole)
  local problem = assembler:add(assert(core.decode(json)), whole)
  if problem then return problem end
  assembler:news()
  local reply = assembler:build()
  assemble.check(reply)
  reply:json()
  reply:tool_calls()
  assert(reply:text() == nil or type(reply:text()) == "string")
  assert(core.encode(reply))
  return nil
end

it("answers of any shape are read, or refused with a reason", function()
  local read = 0
  for _ = 1, 3000 do
    local whole = random(2) == 1
    local assembler, problem = assemble.new(random(2)), nil
    for _ = 1, whole and 1 or 3 do
      local json = random(20) == 1 and '{"choices":' .. value(4) .. "}"
        or chunk(whole and "message" or "delta")
      local ok, result = pcall(try, assembler, json, whole)
      if not ok then error(json .. "\n" .. tostring(result), 0) end
      problem = result
      if problem then break end
    end
    assert.is_true(problem == nil or type(problem) == "string")
    if not problem then read = read + 1 end
  end
  assert.is_true(read > 300, read .. " of 3000 were read")
end)
