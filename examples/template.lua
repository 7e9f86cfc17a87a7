-- Prompts and requests from templates: no network and no key, nothing but text. In a checkout:
--   make && eval "$(make -s env)" && lua5.4 examples/template.lua

local template = require "novita.template"

-- A prompt, compiled once. What a section asks for may be missing, a variable may not.
local prompt = assert(template.compile([[
Answer {{name | default "the reader"}} in {{language}}.
{{#notes}}
Keep in mind: {{notes}}
{{/notes}}
{{#articles}}
- {{title | truncate 20 "..."}} ({{tags | join ", "}})
{{/articles}}
]]))

print("needs: " .. table.concat(prompt:variables(), ", "))
print(assert(prompt {
  language = "German",
  articles = {
    { title = "Lua in forty minutes, or sixty", tags = { "lua", "basics" } },
    { title = "What {{braces}} mean", tags = { "text" } }, -- values are never templates
  },
}))

-- The error of a missing variable has its name and position.
local text, err = prompt { language = "German", articles = { { title = "Untagged" } } }
print(text, err)

-- A request: strings that are one variable keep the type of its value.
local request = {
  model = "{{trigger.model}}",
  max_tokens = "{{trigger.count | default 256}}",
  messages = { { role = "user", content = "Summarize: {{steps.fetch.pages.1.text}}" } },
}
local filled = assert(template.fill(request, {
  trigger = { model = "meta-llama/llama-3.3-70b-instruct", count = 1024 },
  steps = { fetch = { pages = { { text = "Once upon a time ..." } } } },
}))
print(filled.model, filled.max_tokens + 1, filled.messages[1].content)
print(select(2, template.fill(request, { trigger = { model = "m" } })))
