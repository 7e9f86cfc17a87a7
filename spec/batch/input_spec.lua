-- Input files: their rows with ids and problems, and the same rows read again.

local novita = require("novita")
novita.new()
local input = require("novita.batch.input")

local files = require("spec.support.files")
local memory = require("spec.support.memory")
local talk = require("spec.support.client")

local path

before_each(function() path = os.tmpname() end)

local function open(text, how)
  files.write(path, text)
  return input.open(path, how)
end

local function read(text, how)
  local list = {}
  for row in assert(open(text, how)) do list[#list + 1] = row end
  return list
end

local function csv(text, how)
  how = how or {}
  how.format = "csv"
  return read(text, how)
end

-- The id of each row, or its problem.
local function ids(text, how)
  local list = {}
  for index, row in ipairs(read(text, how)) do list[index] = row.problem or row.id or "none" end
  return list
end

describe("an input file", function()
  it("has rows, counted, each with its line and place", function()
    assert.are.same({
      { seq = 1, line = 1, offset = 0, id = "7", row = { id = 7, text = "a" } },
      { seq = 2, line = 3, offset = 21, problem = "is not a JSON object" },
      { seq = 3, line = 4, offset = 25, row = { text = "b" } },
    }, read('{"id":7,"text":"a"}\n\n[1]\n{"text":"b"}'))
    assert.are.same({ { seq = 1, line = 2, offset = 8, id = "7", row = { id = "7", text = "" } } },
      csv("id,text\n7,\n"))
  end)

  it("is CSV if it is named so, in any case, unless told otherwise", function()
    local other = path .. ".CSV"
    files.write(other, "a\n1\n")
    assert.are.same({ a = "1" }, assert(input.open(other)):next().row)
    assert.is_truthy(assert(input.open(other, { format = "jsonl" })):next().problem)
    assert.has_error(function() input.open(path, { format = "xml" }) end)
    assert.has_error(function() input.open(12) end)
  end)

  it("holds the lines of batches, too", function()
    local rows = read('{"custom_id":"r-1","method":"POST","url":"/v1/embeddings",'
      .. '"body":{"model":"m"}}\n'
      .. '{"custom_id":"r-2","body":{"model":"m"}}\n{"custom_id":"r-3","body":[1],"url":"/x"}\n'
      .. '{"custom_id":"r-4","method":"GET","body":{}}\n')
    assert.are.same({ "r-1", { model = "m" }, "/v1/embeddings" },
      { rows[1].id, rows[1].body, rows[1].url })
    assert.are.same({ "r-2", { model = "m" } }, { rows[2].id, rows[2].body, rows[2].url })
    assert.are.same({ "r-3" }, { rows[3].id, rows[3].body, rows[3].url })
    assert.are.equal('has another method than POST: "GET"', rows[4].problem)
  end)

  it("has ids as text: 1 and \"1\" are the same; what is no id is a problem", function()
    assert.are.same({ "1", "1", "1", "none", "none", "x" }, ids('{"id":1}\n{"id":"1"}\n{"id":1.0}\n'
      .. '{"id":null}\n{"id":""}\n{"id":1,"custom_id":"x"}\n'))
    assert.are.same({
      'has an id that can\'t be used: in "id", 1.5 is not exact: write it as a string',
      'has an id that can\'t be used: in "id", 9007199254740992 is not exact: write it as a string',
      'has an id that can\'t be used: in "id", true is not an id',
      'has an id that can\'t be used: in "custom_id", a table is not an id', "-3",
    }, ids('{"id":1.5}\n{"id":9007199254740992}\n{"id":true}\n{"custom_id":{}}\n{"id":-3}\n'))
  end)

  it("has its ids where one says, or none", function()
    local text = '{"id":1,"key":"a"}\n{"id":1,"key":""}\n'
    assert.are.same({ "a", 'has no id: "key" is missing or empty' }, ids(text, { id = "key" }))
    assert.are.same({ "none", "none" }, ids(text, { id = false }))
    assert.are.equal("b", csv("key,id\nb,1\n", { id = "key" })[1].id)
    assert.are.equal(('input: "%s": has no column "kye"'):format(path),
      select(2, open("key\n1\n", { format = "csv", id = "kye" })).message)
    assert.are.same({}, csv("", { id = "kye" }))
  end)

  it("gives its rows again, from their places", function()
    for _, case in ipairs {
      { "jsonl", '\239\187\191{"id":1}\r\n[\n{"custom_id":"b","body":{"x":2}}' },
      { "csv", 'id,a\n1,"x\ny"\r\n2\n3,z' },
    } do
      local reader = assert(open(case[2], { format = case[1], block_bytes = 5 }))
      local rows = {}
      for row in reader do rows[#rows + 1] = row end
      for index = #rows, 1, -1 do
        local again = assert(reader:at(rows[index].offset))
        rows[index].seq, rows[index].line = nil, nil
        assert.are.same(rows[index], again)
      end
      assert.is_truthy(select(2, reader:at(1000)).message:find("is shorter than it was", 1, true))
      reader:close()
      reader:close()
    end
  end)

  it("that can't be read is an error that says why", function()
    for text, why in pairs {
      ["\31\139\8\0"] = "is compressed: unpack it first",
      ["PK\3\4"] = "is a zip file: unpack it first",
      ["\255\254{\0"] = "is UTF-16: convert it to UTF-8",
    } do
      local reader, err = open(text)
      assert.are.same({ nil, "config", "input" }, { reader, err.kind, err.param })
      assert.are.equal(('input: "%s": %s'):format(path, why), err.message)
    end
    assert.are.equal('input: "/none/x": No such file or directory',
      select(2, input.open("/none/x")).message)
    assert.are.equal('input: "/": Is a directory', select(2, input.open("/")).message)
    local pipe = files.fifo()
    os.execute(("echo '{}' >'%s' &"):format(pipe))
    assert.are.equal(('input: "%s": is a pipe: write it to a file first'):format(pipe),
      select(2, input.open(pipe)).message)
    assert.is_truthy(select(2, open("a,a\n", { format = "csv" })).message
      :find('line 1 names the column "a" twice', 1, true))
  end)

  it("has no more rows once it is closed, and may be longer than memory", function()
    local reader = assert(open('{"a":1}\n{"a":2}\n'))
    assert.are.equal(1, reader().row.a)
    reader:close()
    assert.is_nil(reader:next())
    local line = '{"id":%d,"text":"' .. ("x"):rep(1000) .. '"}\n'
    local file = assert(io.open(path, "w"))
    for index = 1, 20000 do file:write(line:format(index)) end
    file:write('{"id":0,"text":"', ("x"):rep(2 ^ 20), '"}\n')
    file:close()
    local used = memory.of(([[
      local count = 0
      for row in assert(require("novita.batch.input").open(%q)) do
        count = count + 1
        assert(row.row.text)
      end
      assert(count == 20001)
    ]]):format(path), talk.sim.url)
    memory.check("reading 20 MB of rows", used, 12)
  end)
end)
