-- The request of the benchmarks as it goes over the wire: what bench/bare.c sends, for the clients
-- that know nothing of chat completions. About 300 bytes.

return function(model, stream)
  return {
    model = model,
    messages = {
      { role = "system", content = "You are a helpful assistant." },
      {
        role = "user",
        content = "Summarize this article in 3 bullets: The city has opened a new tram line.",
      },
    },
    temperature = 0.7,
    max_tokens = 1024,
    top_p = 0.9,
    stream = stream,
    stream_options = stream and { include_usage = true } or nil,
  }
end
