--- A table of options checked against a table of rules, once, at the edge.
--
-- A wrong option is a mistake in the program, so it raises; the message names the option and the
-- value. A rule is { expected = "what the message says", accepts = function(value) }.

local options = {}

---@class novita.OptionRule
---@field expected string
---@field accepts fun(value: any): boolean

--- A number within bounds; never NaN.
---@param least number
---@param most number?
---@return novita.OptionRule
function options.number(least, most)
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
---@return novita.OptionRule
function options.integer(least)
  return {
    expected = "an integer >= " .. least,
    accepts = function(value)
      return type(value) == "number" and value >= least and value % 1 == 0
    end,
  }
end

--- One of the keys of a table.
---@param set table<string, any>
---@return novita.OptionRule
function options.one_of(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = '"' .. name .. '"' end
  table.sort(names)
  return {
    expected = "one of " .. table.concat(names, ", "),
    accepts = function(value) return type(value) == "string" and set[value] ~= nil end,
  }
end

--- A function, or what can be called like one.
---@type novita.OptionRule
options.callable = {
  expected = "a function",
  accepts = function(value)
    if type(value) == "function" then return true end
    local meta = getmetatable(value)
    return type(meta) == "table" and meta.__call ~= nil
  end,
}

---@type novita.OptionRule
options.table = {
  expected = "a table",
  accepts = function(value) return type(value) == "table" end,
}

local function shown(value)
  return type(value) == "string" and '"' .. value .. '"' or tostring(value)
end

--- Says why a value does not obey a rule.
---@param value any
---@param rule novita.OptionRule
---@return string? problem
function options.problem(value, rule)
  if rule.accepts(value) then return nil end
  return "expected " .. rule.expected .. ", got " .. shown(value)
end

--- Raises unless every key of `given` has a rule and every value obeys it. The error is placed at
--- the caller of the function that calls this one.
---@param name string what the options are for, the first word of the message
---@param given table
---@param rules table<string, novita.OptionRule>
function options.check(name, given, rules)
  if type(given) ~= "table" then
    error(name .. ": expected a table of options, got " .. shown(given), 3)
  end
  for key, value in pairs(given) do
    local field = name .. "." .. tostring(key)
    local rule = rules[key]
    if not rule then
      error(field .. ": unknown option (" .. shown(value) .. ")", 3)
    end
    local problem = options.problem(value, rule)
    if problem then error(field .. ": " .. problem, 3) end
  end
end

return options
