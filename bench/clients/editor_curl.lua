-- What plugins do today, by way of plenary.curl or by hand: a curl for each call, its output read
-- line by line, each line scheduled to the main loop and decoded there.
-- luacheck: globals vim

local here = debug.getinfo(1, "S").source:match("^@(.*/)")
local body = dofile(here .. "body.lua")
local uv = vim.loop

local function arguments(url, json)
  return { "--silent", "--show-error", "--fail", "--no-buffer", "--request", "POST",
    "--header", "Authorization: Bearer sk_0123456789abcdef0123456789abcdef01234567",
    "--header", "Content-Type: application/json", "--data-raw", json, url }
end

-- Calls on_bytes as they come, in libuv's callback, and on_exit after the last.
local function spawn(url, json, on_bytes, on_exit)
  local out, err, status = uv.new_pipe(), uv.new_pipe(), nil
  local open = 3
  local function ended()
    open = open - 1
    if open > 0 then return end
    vim.schedule(function() on_exit(status ~= 0 and "curl " .. status or nil) end)
  end
  local process
  local options = { args = arguments(url, json), stdio = { nil, out, err } }
  process = assert(uv.spawn("curl", options, function(code)
    status = code
    process:close()
    ended()
  end))
  for pipe, fn in pairs { [out] = on_bytes, [err] = function() end } do
    pipe:read_start(function(_, bytes)
      if bytes then return fn(bytes) end
      pipe:close()
      ended()
    end)
  end
end

local function text_of(line)
  local data = line:match("^data: (.*)")
  if not data or data == "[DONE]" then return nil end
  local choice = vim.json.decode(data).choices[1]
  local text = choice and choice.delta.content
  return type(text) == "string" and text or nil
end

return function(url)
  local client = {}

  function client.stream(model, on_text, on_done)
    local rest = ""
    local on_line = vim.schedule_wrap(function(line)
      local text = text_of(line)
      if text then on_text(text) end
    end)
    spawn(url, vim.json.encode(body(model, true)), function(bytes)
      local lines = vim.split(rest .. bytes, "\n", { plain = true })
      rest = table.remove(lines)
      for _, line in ipairs(lines) do on_line(line) end
    end, on_done)
  end

  function client.chat(model, on_done)
    local parts = {}
    spawn(url, vim.json.encode(body(model)), function(bytes)
      parts[#parts + 1] = bytes
    end, function(err)
      local reply = not err and vim.json.decode(table.concat(parts))
      on_done(err or reply.usage.total_tokens ~= 60 and "unexpected answer" or nil)
    end)
  end

  return client
end
