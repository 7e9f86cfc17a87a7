-- novita, as its README shows it.

local novita = require("novita")

return function(url)
  local all = novita.new {
    api_key = "sk_0123456789abcdef", base_url = url:match("^(.*)/chat/completions$"),
  }
  return {
    chat = function(request) return assert(all:chat(request)) end,
    texts = function(request) return assert(all:stream(request)):text() end,
  }
end
