--- Detects misspelt fields of requests.
--
-- An unknown field is sent as it is, since servers differ. But every server would ignore
-- `temprature`, so a name close to a well-known field is refused, unless the request has that field
-- too: then the other one is intended.

local each = require("novita.compat").each
local config_error = require("novita.error_hint").config_error
local misuse = require("novita.misuse")
local options = require("novita.call.options")

local request_fields = {}

local function set(names)
  local members = {}
  for name in names:gmatch("%S+") do members[name] = true end
  return members
end

-- The well-known fields.
local MEANT = set([[model message messages system_prompt temperature top_p top_k min_p max_tokens
  max_completion_tokens stop stream stream_options presence_penalty frequency_penalty
  repetition_penalty logit_bias logprobs top_logprobs seed response_format tools tool_choice
  parallel_tool_calls reasoning_effort separate_reasoning enable_thinking metadata]])

-- Other fields of real servers (OpenAI, OpenRouter, vLLM, SGLang, Mistral) with similar names.
local KNOWN = set([[n user models prompt top_a min_tokens thinking reasoning include_reasoning
  thinking_budget functions function_call prompt_logprobs length_penalty stop_token_ids best_of
  chat_template chat_template_kwargs guided_json guided_regex guided_choice guided_grammar
  modalities audio prediction verbosity store service_tier safety_identifier prompt_cache_key
  prompt_mode random_seed safe_prompt provider route transforms plugins preset session_id]])
for name in each(MEANT) do KNOWN[name] = true end
request_fields.KNOWN = KNOWN

-- Allows one edit in a name of five letters, two in one of ten with the same beginning.
local function is_near(name, candidate, wrong)
  if wrong == 1 then return #candidate >= 5 end
  return wrong == 2 and #candidate >= 10 and name:sub(1, 2) == candidate:sub(1, 2)
end

-- Does the request already have the well-known field?
local function is_said(request, name)
  if name ~= "message" and name ~= "messages" then return rawget(request, name) ~= nil end
  return rawget(request, "message") ~= nil or rawget(request, "messages") ~= nil
end

-- Returns the error of a field that is not known, or nil.
local function problem_of(request, name)
  if options.known[name] then
    return config_error(name, "is an option: pass it in the table after the request")
  end
  local meant = misuse.nearest(name, MEANT, is_near)
  if meant and not is_said(request, meant) then
    return config_error(name, ('unknown field; did you mean "%s"?'):format(meant))
  end
  return nil
end

--- Returns whether a name is a field of requests.
---@param name any
---@return boolean
function request_fields.is_one(name)
  return KNOWN[name] == true
end

--- Returns the error for a misspelt field, or for an option among the fields, or nil.
---@param request table
---@return novita.Error?
function request_fields.problem(request)
  for name in each(request) do
    local err = not KNOWN[name] and problem_of(request, name)
    if err then return err end
  end
  return nil
end

return request_fields
