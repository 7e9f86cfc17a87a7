-- An answer that fits a JSON schema, as a table.

local novita = require("novita")

local reply = assert(novita.chat {
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
})

-- An answer that was cut, or is not JSON, is an error here; one that the model refused is nil.
local person, err = reply:json()
if err then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
if not person then
  print("refused:", reply.choices[1].message.refusal)
else
  print(person.name, person.age, #person.hobbies)
end
