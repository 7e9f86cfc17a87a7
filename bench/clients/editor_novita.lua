-- novita in Neovim, as its help shows it.

local novita = require("novita")
local request = require("clients.request")

return function(url)
  local client = novita.new {
    api_key = "sk_0123456789abcdef0123456789abcdef01234567",
    base_url = url:match("^(.*)/chat/completions$"),
    retry = "none",
  }
  return {
    stream = function(model, on_text, on_done)
      client:start(request(model), {
        on_text = on_text, on_done = function(_, err) on_done(err) end,
      })
    end,
    chat = function(model, on_done)
      client:start(request(model), {
        on_done = function(reply, err)
          on_done(err or reply.usage.total_tokens ~= 60 and "unexpected answer" or nil)
        end,
      })
    end,
  }
end
