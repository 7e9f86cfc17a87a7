-- Every example runs against the simulator, and says what it should.

local compat = require("novita.compat")

local child = require("spec.support.child")
local files = require("spec.support.files")
local talk = require("spec.support.client")

local MODEL = "meta-llama/llama-3.3-70b-instruct"

-- What is in the output, in this order; the arguments come first.
local expected = {
  ["hello.lua"] = { { "Why is the sky blue?" }, 'You asked: "Why is the sky blue?"',
    MODEL .. ": ", " tokens (", " asked, ", " answered)\n" },
  ["models.lua"] = { { "llama" }, "model  ", "context", "in", "out\n",
    "meta-llama/llama-3.1-8b-instruct ", " 16384 ", " $0.39 ", " $0.39\n", MODEL },
  ["embeddings.lua"] = { {}, "How do I brew coffee?\n",
    "0.744  Grind the coffee beans right before you brew them.\n0." },
  ["rerank.lua"] = { {}, "  The cat sits on the mat.\n0." },
  ["completions.lua"] = { { "A cat" }, "A cat", "\n(stop, ", " tokens)\n" },
  ["batch.lua"] = { {}, "100 tickets asked for 0.00", " was the most\n",
    "100 answered, 0 failed, ", " tokens\n", " 100  other\n" },
  ["batches.lua"] = { { "0" }, "validating\n", "PROGRESS\n", "What is " },
  ["remote_batch.lua"] = { { "0" }, "3 rows sent, 1 files at the server\n", "progress\n",
    "completed\n", '1\tYou asked: "What is Paris known for?"', "3\tYou asked: " },
  ["picture.lua"] = { {}, 'You asked: "What is in this picture?"' },
  ["errors.lua"] = { {},
    'nothing wrong\n  You asked: "Hi"',
    "a temperature of 3\n  config: temperature: 3 is not within 0 to 2\n",
    "  -> correct the field temperature\n",
    "a wrong key\n  authentication FAILED_TO_AUTH 401: failed to authenticate API key (request ",
    "  -> check NOVITA_API_KEY\n",
    "an unknown model\n  not_found MODEL_NOT_FOUND 404: model not found (at http",
    "  -> the server said 404\n",
    "a server that is not there\n  connection connect: ", "  -> look at the network: connect\n" },
  ["conversation.lua"] = { { "Why is the sky blue?" }, 'You asked: "Why is the sky blue?"',
    "\n> \n2 messages\n" },
  ["agent.lua"] = { {}, "get_weather\tParis\nget_time\tParis\nThe tool has answered: ",
    "2 turns, " },
  ["workflow.lua"] = { {}, "classify   done ", " is done: ", " drafts\n" },
  ["article.lua"] = { {}, ": ", " bytes\n", " tokens\n" },
  ["rows.lua"] = { {}, "  Ada: ", "  Bob: " },
}

local needs_no_key = { ["models.lua"] = true, ["template.lua"] = true }
local needs_no_module = { ["template.lua"] = true }

-- Some keep a store at a fixed place in TMPDIR.
local function environment(more)
  local all = {
    NOVITA_BASE_URL = talk.sim.url, NOVITA_API_KEY = "sk_example", TMPDIR = files.folder(),
  }
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

local function check(output, parts)
  local from = 1
  for index = 2, #parts do
    local _, last = output:find(parts[index], from, true)
    assert.is_truthy(last, ("%q is not in what follows %d bytes of\n%s"):format(
      parts[index], from, output))
    from = last + 1
  end
end

-- Returns the Lua files of examples, those of plugins and servers too.
local function all_examples()
  local pipe = assert(io.popen("find examples -name '*.lua'"))
  local list = {}
  for path in pipe:lines() do list[#list + 1] = path end
  pipe:close()
  return list
end

-- The command in the header of an example, which is the same for all but for arguments.
local function command_of(path)
  local file = assert(io.open(path))
  local head = file:read("*a"):match("^.-\n\n")
  file:close()
  local command = head:match("\n%-%-   (make [^\n]+)\n")
  assert.is_truthy(command, "no command in the header of " .. path)
  local start = 'make && eval "$(make -s env)" && lua5.4 ' .. path
  assert.are.equal(start, command:sub(1, #start))
  return command
end

-- Runs it as a user does, whose environment knows nothing of specs but where files go.
local function run_command(command)
  local words = { "env" }
  for _, name in ipairs { "LUA_PATH", "LUA_CPATH", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "LUA" } do
    words[#words + 1] = "-u " .. name
  end
  for name, value in pairs(environment()) do words[#words + 1] = name .. "=" .. value end
  local pipe = io.popen(("%s sh -c '%s; echo status $?' 2>&1 </dev/null"):format(
    table.concat(words, " "), (command:gsub("'", "'\\''"):gsub(" /tmp/", " $TMPDIR/"))))
  local output = pipe:read("*a")
  pipe:close()
  return output
end

-- A folder with the Lua files of novita and no module.
local function unbuilt()
  local folder = files.folder()
  os.execute(("cp -r lua/. %s && rm -f %s/novita/*.so"):format(folder, folder))
  return folder
end

describe("the example", function()
  local folder

  setup(function() folder = unbuilt() end)
  before_each(function() talk.sim:reset() end)

  it("requires novita before a part of it, which the loader of novita finds in a clone", function()
    for _, path in ipairs(all_examples()) do
      local file = assert(io.open(path))
      local first = file:read("*a"):match('require%("(novita%f[.\"][^"]*)"%)')
      file:close()
      assert.are.equal("novita", first or "novita", path)
    end
  end)

  for path in io.popen("ls examples/*.lua"):lines() do
    local name = path:match("[^/]+$")

    it(name .. " runs", function()
      local parts = expected[name] or { {} }
      local output, _, status = child.run_file(path, environment(), compat.unpack(parts[1]))
      assert.are.equal(0, status, output)
      check(output, parts)
    end)

    it(name .. " runs as its header says", function()
      local output = run_command(command_of(path))
      assert.is_truthy(output:find("\nstatus 0\n$"), output)
    end)

    it(name .. " says in one line that there is no key, if it needs one", function()
      local output, _, status = child.run_file(path, environment { NOVITA_API_KEY = "" })
      if needs_no_key[name] then return assert.are.equal(0, status, output) end
      assert.are.equal(1, status, output)
      assert.is_truthy(output:find("^config: api_key: is missing[^\n]+\n$"), output)
    end)

    it(name .. " says in one line that the module is not built, if it needs it", function()
      local output, _, status = child.run_file(path, environment {
        LUA_PATH = ("%s/?.lua;%s/?/init.lua"):format(folder, folder), LUA_CPATH = "nowhere/?.so",
      })
      if needs_no_module[name] then return assert.are.equal(0, status, output) end
      assert.are.equal(1, status, output)
      assert.is_truthy(output:gsub("^config: ", "")
        :find("^novita: the C module for [^\n]+\n$"), output)
    end)

    it(name .. " says in one line why it can't, if it talks to a server", function()
      local output, _, status = child.run_file(path, environment { NOVITA_BASE_URL = "nonsense" })
      if needs_no_module[name] then return assert.are.equal(0, status, output) end
      assert.are.equal(1, status, output)
      assert.is_truthy(output:find("^config: base_url: [^\n]+\n$"), output)
    end)
  end
end)
