-- The request of the benchmarks as a user of novita writes it. It becomes what body.lua and
-- bench/bare.c send.

return function(model)
  return {
    model = model or "meta-llama/llama-3.3-70b-instruct",
    message = "Summarize this article in 3 bullets: The city has opened a new tram line.",
    system_prompt = "You are a helpful assistant.",
    temperature = 0.7,
    max_tokens = 1024,
    top_p = 0.9,
  }
end
