-- An answer in a given shape:  lua examples/structured.lua "Ada Lovelace, 36, wrote programs"

local novita = require("novita")

local reply, err = novita.chat {
  model = os.getenv("NOVITA_MODEL") or "deepseek/deepseek-v3-0324",
  system_prompt = "Extract the person from the text.",
  message = arg[1] or "Ada Lovelace was 36 and wrote programs and letters.",
  temperature = 0,
  response_format = {
    name = "person",
    strict = true,
    schema = {
      type = "object",
      properties = {
        name = { type = "string" },
        age = { type = "integer" },
        wrote = { type = "array", items = { type = "string" } },
      },
      required = { "name", "age", "wrote" },
      additionalProperties = false,
    },
  },
}

-- json() refuses an answer that was cut; it gives nil alone if the model declined to answer.
local person
if reply then person, err = reply:json() end
if not person then
  io.stderr:write(tostring(err or reply.choices[1].message.refusal), "\n")
  os.exit(1)
end

print(("%s, %d, wrote: %s"):format(person.name, person.age, table.concat(person.wrote, ", ")))
