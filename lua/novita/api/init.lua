--- Binds the endpoints of this folder to novita and to clients.
---
--- Each file is loaded by its first call. It returns a function of a request and the settings of
--- the call, or a table of such functions. A new endpoint is a file and a name in a list below.

local api = {}

--- client:embeddings { ... }, novita.embeddings { ... }
api.calls = { "completions", "embeddings", "rerank" }

--- client.files:upload { ... }, novita.files.upload { ... }
api.resources = {
  batches = { "create", "get", "list", "cancel" },
  files = { "upload", "list", "get", "content", "delete" },
}

--- Adds the methods of the calls.
---@param methods table of clients
---@param settings_for fun(client: novita.Client, options?: novita.Options): novita.Settings
function api.add_calls(methods, settings_for)
  for _, name in ipairs(api.calls) do
    methods[name] = function(self, given, options)
      return require("novita.api." .. name)(given, settings_for(self, options))
    end
  end
end

-- Makes the methods of a resource; an object of it has its client in the field `client`.
local function resource_methods(name, settings_for)
  local methods = {}
  for _, action in ipairs(api.resources[name]) do
    methods[action] = function(self, given, options)
      return require("novita.api." .. name)[action](given, settings_for(self.client, options))
    end
  end
  return methods
end

--- Makes the classes of the resources.
---@param settings_for fun(client: novita.Client, options?: novita.Options): novita.Settings
---@param guard fun(class: string, mt: table)
---@return fun(client: novita.Client) attach gives a client its resources
function api.add_resources(settings_for, guard)
  local classes = {}
  for _, name in ipairs { "batches", "files" } do
    classes[name] = { __name = "novita." .. name, __index = resource_methods(name, settings_for) }
    guard(name, classes[name])
  end
  return function(client)
    for _, name in ipairs { "batches", "files" } do
      client[name] = setmetatable({ client = client }, classes[name])
    end
  end
end

--- Adds the functions of all endpoints to novita.
---@param novita table
---@param client fun(): novita.Client?, any the one of the plain functions, or nil and an error
---@param check_point fun(first: any, name: string)
function api.add_functions(novita, client, check_point)
  for _, name in ipairs(api.calls) do
    novita[name] = function(given, options)
      check_point(given, name)
      local this, err = client()
      if not this then return nil, err end
      return this[name](this, given, options)
    end
  end
  for _, resource in ipairs { "batches", "files" } do
    novita[resource] = {}
    for _, action in ipairs(api.resources[resource]) do
      novita[resource][action] = function(given, options)
        check_point(given, resource .. "." .. action, novita[resource])
        local this, err = client()
        if not this then return nil, err end
        return this[resource][action](this[resource], given, options)
      end
    end
  end
end

return api
