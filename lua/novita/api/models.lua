--- GET /models: the models that a server offers.

local common = require("novita.api.common")
local compat = require("novita.compat")
local core = require("novita.core")
local request = require("novita.call.request")

-- An empty list that was read has the mark of one.
local function is_list(value)
  return type(value) == "table"
    and (value[1] ~= nil or getmetatable(value) == getmetatable(core.array {}))
end

-- Is it { { id = ... }, ... }?
local function is_list_of_models(value)
  if type(value) ~= "table" then return false end
  for key, model in compat.each(value) do
    if type(key) ~= "number" or type(model) ~= "table" or model.id == nil then return false end
  end
  return true
end

--- Lists the models; needs no key.
---@param _ nil
---@param settings novita.Settings
---@return novita.Model[]? models
---@return novita.Info|novita.Error info
return function(_, settings)
  local answer, info = request.send({ path = "/models", public = true, answer = "json" }, settings)
  if not answer then return nil, info end
  local list = type(answer) == "table" and answer.data
  if is_list(answer) then list = answer end -- some servers send the list alone
  if not is_list_of_models(list) then return common.invalid_response(info, "no list of models") end
  return list, info
end
