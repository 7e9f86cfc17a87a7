--- POST /rerank: ranks documents by their relevance to a query.

local common = require("novita.api.common")
local request = require("novita.call.request")

-- Other servers name the list `data` or send it alone, and name the score `score`.
local function list_of(answer)
  if answer[1] ~= nil then return answer end
  return answer.results or answer.data
end

local function read(answer, info)
  local list = list_of(answer)
  if type(list) ~= "table" then return common.invalid_response(info, "no list of results") end
  for _, result in ipairs(list) do
    if type(result) ~= "table" or type(result.index) ~= "number" then
      return common.invalid_response(info, "a result has no index")
    end
    result.relevance_score = result.relevance_score or result.score
  end
  if list == answer then return { results = list }, info end
  answer.results = list
  return answer, info
end

---@class novita.RankingRequest
---@field model string
---@field query string
---@field documents string[]
---@field top_n? integer
---@field [string] any

---@class novita.Ranking
---@field results { index: integer, relevance_score: number }[] the best first; index counts from 0
---@field usage? table

---@class novita
---@field rerank fun(request: novita.RankingRequest, options?: novita.Options): novita.Ranking?, any

---@class novita.Client
---@field rerank fun(self, request: novita.RankingRequest, options?: novita.Options): novita.Ranking?, any

--- Ranks documents by their relevance to a query.
---@param given novita.RankingRequest
---@param settings novita.Settings
---@return novita.Ranking? answer
---@return novita.Info|novita.Error info
return function(given, settings)
  local body = common.copy(given)
  local err = common.missing(body, { "model", "query", "documents" })
  if err then return nil, err end
  local answer, info = request.send({ path = "/rerank", body = body, answer = "json" }, settings)
  if not answer then return nil, info end
  return read(answer, info)
end
