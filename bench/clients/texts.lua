-- The loop over an event stream that every hand-made client has: cut the bytes into lines, decode
-- the JSON of the data lines, hand out the text. `read` returns the next bytes, nil at the end.

local cjson = require "cjson"

local function lines(read)
  local buffer = ""
  return function()
    while true do
      local line, rest = buffer:match("^(.-)\r?\n(.*)$")
      if line then
        buffer = rest
        return line
      end
      local bytes = read()
      if not bytes then return nil end
      buffer = buffer .. bytes
    end
  end
end

return function(read)
  local next_line = lines(read)
  return function()
    for line in next_line do
      local data = line:match("^data: (.*)")
      if data and data ~= "[DONE]" then
        local choice = cjson.decode(data).choices[1]
        local text = choice and choice.delta.content
        if text then return text end
      end
    end
  end
end
