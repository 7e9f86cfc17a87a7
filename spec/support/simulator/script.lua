-- The script: what to do to the next requests, first in, first out.
--
-- A step is taken by the first request that it fits: any, or only one whose body or path contains
-- step.match. It serves one request, or step.uses of them. `always` stands in when none is left.
-- luacheck: std lua54

local script = {}

local methods = {}
local mt = { __name = "simulator.script", __index = methods }

function script.new()
  return setmetatable({ steps = {}, fallback = nil }, mt)
end

function methods:push(steps)
  for _, step in ipairs(steps) do
    step.left = step.uses or 1
    self.steps[#self.steps + 1] = step
  end
end

function methods:always(step)
  self.fallback = step
end

function methods:clear()
  self.steps, self.fallback = {}, nil
end

local function fits(step, request)
  if not step.match then return true end
  local body = request.body or ""
  return body:find(step.match, 1, true) ~= nil or request.path:find(step.match, 1, true) ~= nil
end

--- The step for this request. With `early`, the body is not read yet: only an early step counts.
function methods:take(request, early)
  for index, step in ipairs(self.steps) do
    if fits(step, request) and (not early or step.early) then
      step.left = step.left - 1
      if step.left <= 0 then table.remove(self.steps, index) end
      return step
    end
  end
  local fallback = self.fallback
  if fallback and (not early or fallback.early) and fits(fallback, request) then
    return fallback
  end
end

return script
