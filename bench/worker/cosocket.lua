-- The client to compare with: what a handler would write over cosockets. Keep-alive, HTTP/1.1,
-- answers with a length or in chunks, events, JSON. No retry, no time-outs of its own, no limits,
-- no checks of what comes.

local cjson = require("cjson")

local KEPT = 256

return function(url)
  local scheme, host, port, path = url:match("^(https?)://([^:/]+):(%d+)(/.*)$")

  local function open()
    local socket = ngx.socket.tcp()
    socket:settimeouts(10000, 60000, 60000)
    assert(socket:connect(host, tonumber(port)))
    if scheme == "https" and socket:getreusedtimes() == 0 then
      assert(socket:sslhandshake(nil, "localhost", true))
    end
    return socket
  end

  local function send(socket, request)
    local body = cjson.encode {
      model = request.model, stream = request.stream, temperature = request.temperature,
      max_tokens = request.max_tokens, top_p = request.top_p,
      messages = {
        { role = "system", content = request.system_prompt },
        { role = "user", content = request.message },
      },
    }
    assert(socket:send {
      "POST ", path, " HTTP/1.1\r\nHost: ", host, "\r\nContent-Type: application/json\r\n",
      "Authorization: Bearer sk_0123456789abcdef\r\nContent-Length: ", #body, "\r\n\r\n", body,
    })
  end

  local function read_head(socket)
    local length
    assert(assert(socket:receive("*l")):match("^HTTP/1.1 200 "))
    while true do
      local line = assert(socket:receive("*l"))
      if line == "" then return length end
      length = tonumber(line:match("^[Cc]ontent%-[Ll]ength: (%d+)")) or length
    end
  end

  local function read_chunk(socket)
    local size = tonumber(assert(socket:receive("*l")), 16)
    local bytes = size > 0 and assert(socket:receive(size)) or nil
    assert(socket:receive("*l"))
    return bytes
  end

  local client = {}

  function client.chat(request)
    local socket = open()
    send(socket, request)
    local reply = cjson.decode(assert(socket:receive(read_head(socket))))
    socket:setkeepalive(60000, KEPT)
    return reply
  end

  function client.texts(request)
    request.stream = true
    local socket = open()
    send(socket, request)
    read_head(socket)
    local rest, at = "", 1
    local function next_event()
      local first, last = rest:find("\n\n", at, true)
      while not first do
        rest, at = rest:sub(at) .. (read_chunk(socket) or error("cut")), 1
        first, last = rest:find("\n\n", at, true)
      end
      local data = rest:sub(at + 6, first - 1) -- past "data: "
      at = last + 1
      return data
    end
    return function()
      while true do
        local data = next_event()
        if data == "[DONE]" then
          assert(not read_chunk(socket))
          socket:setkeepalive(60000, KEPT)
          return nil
        end
        local choice = cjson.decode(data).choices[1]
        local text = choice and choice.delta.content
        if text then return text end
      end
    end
  end

  return client
end
