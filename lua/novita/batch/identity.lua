--- The identity of a row: the bytes of its request, and the key by which its answer is found.
---
--- The key is the SHA-256 of the URL and those bytes, so it changes with whatever changes the
--- answer: the prompt, the model, a parameter, the server. Neither the API key nor `stream` is in
--- it.

local call = require("novita.call")
local core = require("novita.core")
local estimator = require("novita.limit.estimator")
local prepared = require("novita.call.prepared")
local tables = require("novita.tables")
local template = require("novita.template")
local with_policy = require("novita.call.settings").with_policy

local identity = {}

local CHAT = "/chat/completions"

---@class novita.BatchRequest
---@field body string the bytes of the request
---@field key string
---@field model? string
---@field prompt integer tokens, estimated
---@field completion integer tokens at most, estimated

-- "/v1/embeddings" and "/openai/v1/embeddings", as batch lines have it, is "/embeddings" here.
local function endpoint_of(url)
  return url:match("/v1(/.*)$") or url
end

-- The request of a row before it is written: the template filled, and over it what a batch line
-- brings, whose text is no template.
local function request_of(self, row)
  if row.url and endpoint_of(row.url) ~= self.endpoint then
    return nil, ("is for %s, where the batch is for %s"):format(row.url, self.endpoint)
  end
  if not (self.fill or row.body) then return nil, "has no body, and the batch no request" end
  local filled = {}
  if self.fill then
    local err
    self.vars.row, self.vars.index = row.row, row.seq
    filled, err = self.fill(self.vars)
    if not filled then return nil, err.message end
  end
  return row.body and tables.merged(filled, row.body) or filled
end

local function body_of(self, request)
  if self.endpoint == CHAT then return prepared.chat(request, self.settings) end
  request.stream = nil
  return core.encode(request)
end

---@class novita.BatchIdentity
local methods = {}
local mt = { __name = "novita.batch.identity", __index = methods }

--- The request of a row.
---@param row novita.batch.Row
---@return novita.BatchRequest? request nil where the row can't be sent
---@return string? problem
function methods:of(row)
  local request, problem = request_of(self, row)
  if not request then return nil, problem end
  local model = type(request.model) == "string" and request.model or nil
  if model and model:find("\0", 1, true) then return nil, "has a zero byte in its model" end
  local body, err = body_of(self, request)
  if not body then return nil, err.message end
  local whole, prompt = estimator.estimate(request)
  return {
    body = body, key = core.sha256(self.url, "\n", body), prompt = prompt,
    model = model, completion = math.max(whole - prompt, 0),
  }
end

--- Makes the function of a batch's rows.
---@param fields table request and endpoint of the batch
---@param settings novita.Settings
---@param url string where the calls go
---@return novita.BatchIdentity? nil where a template is wrong
---@return novita.Error? err kind config
function identity.new(fields, settings, url)
  local policy, endpoint = settings.policy, fields.endpoint
  local request, fill = fields.request, nil
  if request and endpoint == CHAT then request = call.complete(request, policy) end
  if request then
    local err
    fill, err = template.filler(request)
    if not fill then
      return nil, core.error { kind = "config", param = err.field, message = err.message }
    end
  end
  return setmetatable({
    fill = fill, endpoint = endpoint, vars = tables.merged(policy.vars or {}),
    url = url, path = endpoint ~= CHAT and endpoint or nil,
    settings = with_policy(settings, { vars = false, defaults = false }),
  }, mt)
end

return identity
