-- An answer that fits a JSON schema, as a table. In a checkout, with NOVITA_API_KEY set:
--   make && eval "$(make -s env)" && lua5.4 examples/structured.lua

local novita = require("novita")

local request = {
  model = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324",
  message = "Invent a person: name, age and hobbies.",
  response_format = {
    name = "person",
    schema = {
      type = "object",
      properties = {
        name = { type = "string" },
        age = { type = "integer" },
        hobbies = { type = "array", items = { type = "string" } },
      },
      required = { "name", "age", "hobbies" },
    },
  },
}

-- An answer that was cut, is not JSON or does not fit is an error; here it is asked for again.
local reply, err = novita.chat(request, {
  parse = true,
  retry = { attempts = 3, retry_if = function(_, misfit) return misfit and "misfit" end },
})
if not reply then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end

local person = reply.parsed
if not person then
  print("refused:", reply.choices[1].message.refusal)
else
  print(person.name, person.age, #person.hobbies)
end
