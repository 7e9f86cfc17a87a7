--- POST /embeddings: the vectors of texts.
---
--- Base64 is a quarter of the bytes and is decoded in C, so it is the default encoding_format,
--- except for Novita, which refuses it, and for servers that have refused it before.

local common = require("novita.api.common")
local core = require("novita.core")
local request = require("novita.call.request")

local NO_BASE64 = "//api.novita.ai/"

local function is_refusal(err)
  return err.kind == "bad_request" or err.kind == "unprocessable"
end

-- Returns the vector of an item, or nil and what is wrong with it. Some servers nest the vector of
-- a text in a list; several there are those of its tokens.
local function vector_of(item)
  local vector = type(item) == "table" and item.embedding
  if type(vector) == "table" and type(vector[1]) == "table" then
    if vector[2] ~= nil then return nil, "it has several vectors for a text" end
    vector = vector[1]
  end
  if type(vector) == "string" then
    local numbers, problem = core.floats(vector)
    if not numbers then return nil, "the text of a vector " .. problem end
    vector = numbers
  end
  if type(vector) ~= "table" or type(vector[1]) ~= "number" then
    return nil, "a vector is missing"
  end
  return vector
end

-- Returns the items in the order of the texts, with decoded vectors, or nil and what is wrong.
local function order(list)
  local ordered, size = {}, nil
  for position, item in ipairs(list) do
    local vector, problem = vector_of(item)
    if not vector then return nil, problem end
    size = size or #vector
    if #vector ~= size then return nil, "its vectors differ in length" end
    item.embedding = vector
    local index = type(item.index) == "number" and item.index + 1 or position
    if ordered[index] then return nil, "two vectors are of the same text" end
    ordered[index] = item
  end
  for index = 1, #list do
    if not ordered[index] then return nil, "a text has no vector" end
  end
  return ordered
end

local function read(answer, info, count)
  if answer[1] ~= nil then answer = { data = answer } end
  if type(answer.data) ~= "table" then
    return common.invalid_response(info, "no list of vectors")
  end
  local list, problem = order(answer.data)
  if problem then return common.invalid_response(info, problem) end
  if #list ~= count then
    return common.invalid_response(info, ("%d vectors for %d texts"):format(#list, count))
  end
  answer.data = list
  return answer, info
end

local function send(body, settings)
  return request.send({ path = "/embeddings", body = body, answer = "json" }, settings)
end

-- Returns the number of texts; a list of numbers is one text, as tokens.
local function count_of(input)
  if type(input) ~= "table" or type(input[1]) == "number" then return 1 end
  return #input
end

---@class novita.EmbeddingsRequest
---@field model string
---@field input string|string[]
---@field [string] any

---@class novita.Embeddings
---@field data { index: integer, embedding: number[] }[] in the order of the texts
---@field model? string
---@field usage? table

---@class novita
---@field embeddings fun(request: novita.EmbeddingsRequest, options?: novita.Options): novita.Embeddings?, any

---@class novita.Client
---@field embeddings fun(self, request: novita.EmbeddingsRequest, options?: novita.Options): novita.Embeddings?, any

--- Returns the vectors of texts.
---@param given novita.EmbeddingsRequest
---@param settings novita.Settings
---@return novita.Embeddings? answer
---@return novita.Info|novita.Error info
return function(given, settings)
  local body = common.copy(given)
  local err = common.missing(body, { "model", "input" })
  if err then return nil, err end
  local own = body.encoding_format == nil and not settings.shared.no_base64
    and not (core.url("/", settings.wire) or ""):find(NO_BASE64, 1, true)
  if own then body.encoding_format = "base64" end
  local answer, info = send(body, settings)
  if not answer and own and is_refusal(info) then
    body.encoding_format = nil
    answer, info = send(body, settings)
    if answer then settings.shared.no_base64 = true end
  end
  if not answer then return nil, info end
  return read(answer, info, count_of(body.input))
end
