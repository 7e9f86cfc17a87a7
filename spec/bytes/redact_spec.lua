-- Redaction: a server that repeats the key, in whatever encoding, does not get it into an error.

local mime = require("mime")

local talk = require("spec.support.client")

-- Everything that an error shows, as one text.
local function shown(value, seen)
  if type(value) ~= "table" then return tostring(value) end
  if seen[value] then return "" end
  seen[value] = true
  local parts = { tostring(value) }
  for name, item in pairs(value) do
    parts[#parts + 1] = shown(name, seen) .. "=" .. shown(item, seen)
  end
  return table.concat(parts, "\n")
end

local function unhex(digits)
  return string.char(tonumber(digits, 16))
end

-- The middle of the base64 of a text, in the three ways in which bytes before it shift it.
local function base64_of(text)
  local runs = {}
  for before = 0, 2 do
    runs[#runs + 1] = mime.b64(("x"):rep(before) .. text):sub(5, 14)
  end
  return runs
end

describe("a server that repeats the key", function()
  local KEY = "sk_spec/s3cret+Key=="
  local ESCAPED = KEY:gsub("/", "\\/"):gsub("s3", "\\u0073\\u0033")
  local answers = {
    { "in a message", { status = 401, body = '{"message":"' .. KEY .. ' is wrong"}' } },
    { "escaped", { status = 401, body = '{"message":"' .. ESCAPED .. ' is wrong"}' } },
    { "in every member", { status = 400, body = ('{"message":"m","type":"K","code":"K",'
      .. '"param":"K","reason":"K","metadata":{"trace_id":"K"}}'):gsub("K", ESCAPED) } },
    { "in a header", { status = 500, headers = { ["X-Echo"] = "Bearer " .. KEY } } },
    { "as request id", { status = 500, headers = { ["x-request-id"] = KEY } } },
    { "in HTML", { status = 502, body = "<title>" .. KEY .. "</title>" } },
    { "in a text", { status = 500, body = "you sent Authorization: Bearer " .. KEY } },
    { "compressed", { status = 500, gzip = true, body = KEY:rep(3, " ") } },
    { "in a redirect", { redirect = "http://" .. KEY .. "@x.example/?key=" .. KEY } },
    { "under a 200", { body = '{"error":{"message":"' .. ESCAPED .. '"}}' } },
    { "in a useless 200", { body = KEY, content_type = "text/" .. KEY } },
    { "in a body cut short", { headers = { ["X-Echo"] = KEY }, cut = 5 } },
    { "in a stream", { events = { '{"error":{"message":"' .. ESCAPED .. '"}}' } }, true },
    { "in an event that is no JSON", { events = { KEY } }, true },
    { "escaped in a text", { status = 500, body = "you sent " .. ESCAPED } },
    { "escaped twice", { status = 400,
      body = '{"message":"' .. ESCAPED:gsub("\\", "\\\\") .. '"}' } },
    { "in hexadecimal escapes", { status = 400, body = '{"message":"'
      .. KEY:gsub(".", function(c) return ("\\u%04X"):format(c:byte()) end) .. '"}' } },
    { "escaped for a URL", { status = 500,
      body = KEY:gsub("%W", function(c) return ("%%%02x"):format(c:byte()) end) } },
    { "in base64", { status = 500, body = mime.b64("Bearer " .. KEY) } },
    { "in base64 of something else", { status = 400,
      body = '{"message":"' .. mime.b64('{"key":"' .. KEY .. '"}'):gsub("/", "\\/") .. '"}' } },
    { "in base64 for a URL", { status = 400,
      body = mime.b64("x" .. KEY .. "y"):gsub("+", "-"):gsub("/", "_") } },
    { "in base64 in a broken event", { events = { { raw = "event: error\ndata: {"
      .. mime.b64(KEY) .. "\n\n" } } }, true },
  }
  local senders = {
    { "as api_key", { api_key = KEY } },
    { "as api-key", { headers = { ["api-key"] = KEY } } },
    { "as X-Goog-Api-Key", { headers = { ["X-Goog-Api-Key"] = KEY } } },
    { "as a token", { headers = { ["x-auth-token"] = KEY } } },
    { "in a scheme of its own", { headers = { Authorization = "Basic " .. KEY } } },
  }
  for _, answer in ipairs(answers) do
    for _, sender in ipairs(senders) do
      it(answer[1] .. ", sent " .. sender[1] .. ", does not get it into the error", function()
        talk.sim:reset()
        talk.sim:script { answer[2] }
        local request = talk.request { stream = answer[3] }
        local reply, err = talk.client(sender[2]):chat(request)
        assert.is_nil(reply)
        local all = shown(err, {})
        assert.is_nil(all:find("s3cret", 1, true))
        assert.is_nil(all:gsub("\\+u00", "%%"):gsub("%%(%x%x)", unhex):find("s3cret", 1, true))
        for _, run in ipairs(base64_of(KEY)) do assert.is_nil(all:find(run, 1, true), run) end
        assert.is_truthy(talk.sim:journal()[1].header, "nothing was sent")
      end)
    end
  end
end)
