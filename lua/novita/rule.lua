--- Validates tables of options: each option has a rule that its value must satisfy.
--
-- A wrong option is a mistake in the program, so it raises; the message names the option and the
-- value. A rule is { expected = "what the message says", accepts = function(value) }.

local each = require("novita.compat").each
local misuse = require("novita.misuse")

local MOST = 2 ^ 53

local rule = {}

---@class novita.OptionRule
---@field expected string
---@field accepts fun(value: any): boolean
---@field type? string in LuaCATS
---@field secret? boolean is a wrong value not to be shown? It may hold a key

--- A number within bounds; never NaN.
---@param least number
---@param most number?
---@return novita.OptionRule
function rule.number(least, most)
  local expected = most and "a number from " .. least .. " to " .. most or "a number >= " .. least
  most = most or math.huge
  return {
    expected = expected,
    accepts = function(value)
      return type(value) == "number" and value >= least and value <= most
    end,
  }
end

--- A whole number.
---@param least integer
---@return novita.OptionRule up to 2^53, which every Lua and every store can keep
function rule.integer(least)
  return {
    expected = "an integer >= " .. least,
    type = "integer",
    accepts = function(value)
      return type(value) == "number" and value >= least and value <= MOST and value % 1 == 0
    end,
  }
end

--- How many rows may fail.
---@type novita.OptionRule
rule.failures = {
  expected = "a count of rows, or a share below 1",
  accepts = function(value)
    return type(value) == "number" and value >= 0 and (value < 1 or value % 1 == 0)
  end,
}

--- One of the keys of a table.
---@param set table<string, any>
---@return novita.OptionRule
function rule.one_of(set)
  local names = {}
  for name in each(set) do names[#names + 1] = '"' .. name .. '"' end
  table.sort(names)
  return {
    expected = "one of " .. table.concat(names, ", "),
    type = table.concat(names, "|"),
    accepts = function(value) return type(value) == "string" and set[value] ~= nil end,
  }
end

---@type novita.OptionRule
rule.boolean = {
  expected = "true or false",
  type = "boolean",
  accepts = function(value) return type(value) == "boolean" end,
}

---@type novita.OptionRule
rule.string = {
  expected = "a string",
  type = "string",
  accepts = function(value) return type(value) == "string" end,
}

--- A function, or a value with __call.
---@type novita.OptionRule
rule.callable = {
  expected = "a function",
  accepts = function(value)
    if type(value) == "function" then return true end
    local meta = getmetatable(value)
    return type(meta) == "table" and meta.__call ~= nil
  end,
}

---@type novita.OptionRule
rule.path_or_function = {
  expected = "a path or a function",
  accepts = function(value) return type(value) == "string" or rule.callable.accepts(value) end,
}

---@type novita.OptionRule
rule.table = {
  expected = "a table",
  type = "table",
  accepts = function(value) return type(value) == "table" end,
}

--- A table of names and values, for example headers.
---@type novita.OptionRule
rule.pairs = { expected = "a table", accepts = rule.table.accepts, secret = true }

--- An object with these methods.
---@param expected string
---@param ... string
---@return novita.OptionRule
function rule.with(expected, ...)
  local names = { ... }
  return {
    expected = expected,
    type = "table",
    accepts = function(value)
      for _, name in ipairs(names) do
        if type(value) ~= "table" or type(value[name]) ~= "function" then return false end
      end
      return true
    end,
  }
end

--- Returns why a value does not satisfy a rule.
---@param value any
---@param wanted novita.OptionRule
---@return string? problem
function rule.problem(value, wanted)
  if wanted.accepts(value) then return nil end
  local shown = wanted.secret and "a " .. type(value) or misuse.shown(value)
  return "expected " .. wanted.expected .. ", got " .. shown
end

--- Raises unless every key of `given` has a rule and every value satisfies it.
---@param name string what the options are for, the first word of the message
---@param given table
---@param rules table<string, novita.OptionRule>
function rule.check(name, given, rules)
  if type(given) ~= "table" then misuse.expected(name, "a table of options", given) end
  for key, value in each(given) do
    if not rules[key] then misuse.unknown(name, key, rules) end
    local problem = rule.problem(value, rules[key])
    if problem then misuse.raise(("%s.%s: %s"):format(name, key, problem)) end
  end
end

return rule
