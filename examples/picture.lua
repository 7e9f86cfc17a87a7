-- A question about a picture; the model has to be one that sees. In a checkout, with NOVITA_API_KEY
-- set:
--   make && eval "$(make -s env)" && lua5.4 examples/picture.lua examples/neovim/screenshot.png

local novita = require("novita")

local function check(value, err)
  if value then return value end
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

local picture = check(novita.image(arg[1] or "examples/neovim/screenshot.png", { detail = "low" }))
print(check(novita.chat {
  model = os.getenv("NOVITA_MODEL") or "qwen/qwen2.5-vl-72b-instruct",
  message = { "What is in this picture?", picture },
  max_tokens = 200,
}))
