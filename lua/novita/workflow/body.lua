--- The run object that a flow receives: the methods that execute steps.

local calls = require("novita.workflow.calls")
local compat = require("novita.compat")
local core = require("novita.core")
local each_item = require("novita.workflow.each")
local frozen = require("novita.workflow.frozen")
local inherit = require("novita.call.settings").inherit
local misuse = require("novita.misuse")
local retry = require("novita.retry")
local loops = require("novita.loop")
local rule = require("novita.rule")
local step = require("novita.workflow.step")

local next = compat.next

local each = compat.each

local body = {}

---@class novita.Run
---@field chat fun(self, name: string, request: novita.Request, options?: novita.StepOptions):
---  novita.Reply?, novita.Error?
---@field tools fun(self, name: string, request: novita.Request, options?: novita.StepOptions):
---  novita.Reply?, novita.Error?
---@field embeddings fun(self, name: string, request: table, options?: novita.StepOptions): table?,
---  novita.Error?
---@field rerank fun(self, name: string, request: table, options?: novita.StepOptions): table?,
---  novita.Error?
---@field completions fun(self, name: string, request: table, options?: novita.StepOptions): table?,
---  novita.Error?
---@field request fun(self, name: string, request: novita.AnyRequest,
---  options?: novita.StepOptions): any, novita.Error?
---@field models fun(self, name: string, request: nil, options?: novita.StepOptions):
---  novita.Model[]?, novita.Error?
---@field id string the run's, the same in each of its passes
---@field started_at number when it first began, in seconds since 1970, by the store's clock
local methods = {}
local mt = { __name = "novita.run", __index = methods }

local pass_of = setmetatable({}, { __mode = "k" })

local LONGEST = 1e9 -- seconds of a sleep
local SLEEP = "sleep" -- its kind: a retry makes only what is left of it

local STEP_OPTIONS = {
  on_error = rule.one_of { ["return"] = true },
  version = {
    expected = "a number or a text",
    accepts = function(value) return type(value) == "number" or type(value) == "string" end,
  },
}

---@class novita.StepOptions: novita.Options
---@field on_error? "return" the step returns nil and the error, and the run goes on
---@field version? number|string part of what the step is known by: another one makes the step again

--- Splits the options of a step into those of its own and those of its call, nil if there are none.
---@param options? novita.StepOptions
---@param also? table<string, novita.OptionRule> more of its own
---@return table own
---@return table? rest
function body.split(options, also)
  local own, rest = {}, nil
  if options == nil then return own end
  if type(options) ~= "table" then misuse.expected("options", "a table", options) end
  for name, value in each(options) do
    local wanted = STEP_OPTIONS[name] or also and also[name]
    if wanted then
      local problem = rule.problem(value, wanted)
      if problem then misuse.raise(("options.%s: %s"):format(name, problem)) end
      own[name] = value
    else
      rest = rest or {}
      rest[name] = value
    end
  end
  return own, rest
end

for kind in each(calls.kinds) do
  methods[kind] = function(self, name, request, options)
    local run = pass_of[self]
    local own, rest = body.split(options)
    local given = { name = name, version = own.version, on_error = own.on_error }
    return calls.perform(run, kind, given, request, inherit(run.settings, rest))
  end
end

-- Calls a function as often as a policy says, and tells the log of it.
local function retried(run, this, fn, policy)
  local own = step.noted(this, retry.policy(policy))
  return select(2, retry.run(fn, own, loops.environment(run.loop)))
end

--- Makes a step of a function, as run:step does.
---@param run table
---@param given table name, and perhaps version, item and on_error
---@param input any what the function is given: a copy, through JSON
---@param fn fun(input: any, index?: integer): any, any
---@param policy? any of retries; without one there are none
---@return any result
---@return novita.Error? err
function body.perform(run, given, input, fn, policy)
  local planned = run.foresee and run.foresee(run, given, "step", input)
  if planned then return planned end
  local json, err = frozen.write(input)
  if not json then return step.refuse(run, given, err) end
  given.kind, given.input = "step", json
  return step.perform(run, given, function(this)
    local function work() return fn(frozen.read(json), given.item) end
    if policy == nil then return work() end
    return retried(run, this, work, policy)
  end)
end

--- The options of a step of a function, beside those of all steps.
body.FUNCTION_OPTIONS = {
  retry = { expected = "a policy", accepts = function() return true end },
}

--- Makes a step of a function: it is called once, and its result is kept. It fails if the function
--- raises or returns nil and an error.
---@param name string
---@param input any what the function is given, and the step known by; may be left out
---@param fn fun(input: any): any, any
---@param options? novita.StepOptions on_error, version and retry
---@return any result
---@return novita.Error? err with on_error = "return"
function methods:step(name, input, fn, options)
  if rule.callable.accepts(input) and not rule.callable.accepts(fn) then
    input, fn, options = nil, input, fn
  end
  if not rule.callable.accepts(fn) then misuse.expected("step", "a function", fn) end
  local own, rest = body.split(options, body.FUNCTION_OPTIONS)
  if rest then misuse.unknown("options", next(rest), { on_error = 1, version = 1, retry = 1 }) end
  local given = { name = name, version = own.version, on_error = own.on_error }
  return body.perform(pass_of[self], given, input, fn, own.retry)
end

--- Makes a step for each item of a list, several at once. An item that fails does not hold up the
--- others; when all have ended, the run pauses if one has failed.
---@param name string
---@param items any[]
---@param what novita.Request|fun(item: any, index: integer): any, any a request, whose templates
---  are filled with `item`, `index` and `row`, or a function
---@param options? novita.StepOptions and concurrency
---@return any[] results in the order of the items; with on_error = "return" false where one failed
---@return table<integer, novita.Error>? errors with on_error = "return": by the index of the item
function methods:each(name, items, what, options)
  local run = pass_of[self]
  local planned = run.foresee and run.foresee(run, { name = name }, "each", items)
  if planned then return planned end
  local is_function = rule.callable.accepts(what)
  local own, rest = body.split(options, is_function and body.FUNCTION_OPTIONS or nil)
  local settings = inherit(run.settings, rest)
  local work
  if is_function then
    work = function(given, item) return body.perform(run, given, item, what, own.retry) end
  else
    work = each_item.call(run, "chat", function(item, index)
      return what, each_item.vars(settings.policy.vars, item, index)
    end, settings)
  end
  return each_item.run(run, name, items, work, own, settings)
end

--- Waits. After a crash or a retry only for the time that is left.
---@param name string
---@param seconds number
function methods:sleep(name, seconds)
  local run = pass_of[self]
  if not rule.number(0, LONGEST).accepts(seconds) then
    misuse.expected("sleep", "seconds", seconds)
  end
  local given = { name = name, input = frozen.write(seconds) }
  given.kind = SLEEP
  step.perform(run, given, function(this)
    local left = seconds - math.max(this.slept or 0, 0) -- the clock may have been set back
    if left <= 0 or run.loop.sleep(left) then return true end
    return nil, core.error { kind = "cancelled", message = "cancelled while the run slept" }
  end)
end

function mt.__tostring(self)
  return ("novita.run (%s)"):format(self.id)
end

misuse.guard("run", mt)

--- Returns the pass that an object is for.
---@param self novita.Run
---@return table run
function body.pass(self)
  return pass_of[self]
end

--- Makes the object for the body of a pass.
---@param run table
---@return novita.Run
function body.new(run)
  local self = setmetatable({ id = run.id, started_at = run.started_at }, mt)
  pass_of[self] = run
  return self
end

return body
