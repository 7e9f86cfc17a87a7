-- novita in Neovim, as its help shows it.

local novita = require("novita")

local function request(model)
  return {
    model = model,
    message = "Summarize this article in 3 bullets: The city has opened a new tram line.",
    system_prompt = "You are a helpful assistant.",
    temperature = 0.7,
    max_tokens = 1024,
    top_p = 0.9,
  }
end

return function(url, ca_file)
  local client = novita.new {
    api_key = "sk_0123456789abcdef0123456789abcdef01234567",
    base_url = url:match("^(.*)/chat/completions$"),
    ca_file = ca_file ~= "" and ca_file or nil,
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
