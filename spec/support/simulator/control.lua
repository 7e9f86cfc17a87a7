-- The control plane: /_sim/... on the plain listener, spoken by sim.lua (or curl).
-- luacheck: std lua54

local data = require("spec.support.data")

local control = {}

local actions = {}

-- A step where a list of them belongs would pass for an empty list.
local function list(value)
  local first = type(value) == "table" and (value[1] or next(value) == nil and {})
  if type(first) ~= "table" then error("a list of tables is wanted", 0) end
  return value
end

actions["POST /_sim/script"] = function(sim, body) sim.script:push(list(body)) end
actions["POST /_sim/always"] = function(sim, body) sim.script:always(body) end
actions["POST /_sim/stop"] = function(sim) sim:shut() end
actions["GET /_sim/journal"] = function(sim) return sim.journal:text() end

actions["GET /_sim/stats"] = function(sim) return data.encode(sim.stats) end
actions["POST /_sim/limits"] = function(sim, body) sim.limits:set(body or {}) end
actions["POST /_sim/reset"] = function(sim) sim:reset() end

actions["POST /_sim/connections"] = function(sim, body)
  for _, door in ipairs(list(body)) do sim.doors[#sim.doors + 1] = door end
end

--- Whether a request is for the control plane.
function control.owns(request)
  return request.path:sub(1, 6) == "/_sim/"
end

--- Carries out a control request; returns the answer's status and text.
function control.run(sim, request)
  local action = actions[request.method .. " " .. request.path]
  if not action then return 404, "no such control request\n" end
  local body, err
  if request.body ~= "" then
    body, err = data.decode(request.body)
    if err then return 400, err .. "\n" end
  end
  local ok, text = pcall(action, sim, body)
  if not ok then return 400, tostring(text) .. "\n" end
  return 200, text or ""
end

return control
