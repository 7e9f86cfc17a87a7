-- Output files: their lines, what the server sent in them as it came, and no file that is cut.

local novita = require("novita")
novita.new()
local output = require("novita.batch.output")

local files = require("spec.support.files")

local folder, path

before_each(function()
  folder = files.folder()
  path = folder .. "/out.jsonl"
end)

local function each(list)
  local index = 0
  return function()
    index = index + 1
    return list[index]
  end
end

-- A line as it is written.
local function line_of(result)
  return table.concat { output.line(result) }
end

describe("a line of output", function()
  it("has the answer's bytes as they came", function()
    local bytes = '{ "z":1.0, "a":"\\u00fc/\\/", "n":null, "big":123456789012345678901 }'
    local line = line_of { id = "a\n", status = 200, request_id = "r", answer = bytes }
    assert.are.equal('{"custom_id":"a\\n","response":{"status_code":200,"request_id":"r","body":'
      .. bytes .. '},"error":null}\n', line)
  end)

  it("is one line, where the answer has several", function()
    local line = line_of { id = "a", status = 200, answer = '{\r\n "a": [\n1]}\n' }
    assert.are.equal(1, select(2, line:gsub("\n", "")))
    assert.are.same({ a = { 1 } }, novita.json.decode(line).response.body)
  end)

  it("is JSON also where the answer begins with a BOM", function()
    local line = line_of { id = "a", status = 200, answer = '\239\187\191{"a":1}' }
    assert.are.same({ a = 1 }, novita.json.decode(line).response.body)
  end)

  it("has an answer that is not JSON as text, and the error beside", function()
    local line = line_of { id = "a", status = 502, answer = "<html>\n\255",
      error = { code = "server", message = "bad gateway" } }
    local found = novita.json.decode(line)
    assert.are.same({ 502, "<html>\n?" }, { found.response.status_code, found.response.body })
    assert.are.same({ code = "server", message = "bad gateway" }, found.error)
    found = novita.json.decode(line_of { id = "a", status = 400, answer = '{"code":1}',
      error = { code = "bad_request", message = "\255" } })
    assert.are.same({ code = 1 }, found.response.body)
    assert.are.equal("?", found.error)
  end)

  it("says that a row was not run", function()
    local found = novita.json.decode(line_of { id = "a" })
    assert.are.same({ custom_id = "a",
      error = { code = "not_run", message = "this row was not run" } }, found)
    found = novita.json.decode(line_of { id = "a", error = { code = "held" } })
    assert.are.same({ custom_id = "a", error = { code = "held" } }, found)
  end)
end)

describe("an output file", function()
  it("has a line for each result, in their order, and replaces the old one at the end", function()
    files.write(path, "old")
    os.execute("chmod 640 '" .. path .. "'")
    local list, seen = {}, nil
    for index = 1, 2000 do
      local answer = ('{"a":"%s"}'):format(("x"):rep(50))
      list[index] = { id = tostring(index), status = 200, answer = answer }
    end
    local next_result, at = each(list), 0
    assert.are.equal(2000, output.write(path, function()
      at = at + 1
      if at == 1900 then
        seen = { files.read(path), files.names(folder):match("out.jsonl.%d+%-1%.part") ~= nil }
      end
      return next_result()
    end))
    assert.are.same({ "old", true }, seen)
    local at_line = 0
    for line in files.read(path):gmatch("[^\n]+") do
      at_line = at_line + 1
      assert.are.equal(tostring(at_line), novita.json.decode(line).custom_id)
    end
    assert.are.equal(2000, at_line)
    assert.are.equal("out.jsonl", files.names(folder))
    local pipe = io.popen("stat -c %a '" .. path .. "'")
    assert.are.equal("640\n", pipe:read("*a"))
    pipe:close()
  end)

  it("may be of no rows", function()
    assert.are.equal(0, output.write(path, each {}))
    assert.are.equal("", files.read(path))
  end)

  it("is left as it was where the results end with an error", function()
    files.write(path, "old")
    local why = { kind = "store" }
    local next_result = each { { id = "a", status = 200, answer = "{}" } }
    local count, err = output.write(path, function()
      local result = next_result()
      if not result then return nil, why end
      return result
    end)
    assert.are.same({ nil, why, "old", "out.jsonl" },
      { count, err, files.read(path), files.names(folder) })
  end)

  it("that can't be written is an error, known before", function()
    for target, why in pairs {
      [folder .. "/none/x"] = "No such file or directory", [folder] = "is a directory, not a file",
      [""] = "is empty", ["/dev/full"] = "is not a regular file",
    } do
      for _, write in ipairs { output.check, output.write } do
        local ok, err = write(target, each {})
        assert.are.same({ nil, "config", "output" }, { ok, err.kind, err.param })
        assert.are.equal(('output: "%s": %s'):format(target, why), err.message)
      end
    end
    assert.is_true(output.check(path))
    assert.are.equal("", files.names(folder))
  end)

  it("on a full disk is an error, and leaves nothing", function()
    local code = ('require("novita").new() local output = require("novita.batch.output") '
      .. 'print(output.check(%q)) local i = 0 print(output.write(%q, function() i = i + 1 '
      .. 'if i < 9999 then return { id = "a", status = 200, answer = "{}" } end end))')
      :format(path, path)
    local shell = "trap '' XFSZ; ulimit -f 50; env LD_PRELOAD=\"$NOVITA_PRELOAD\" %s -e '%s' 2>&1"
    local pipe = io.popen(shell:format(os.getenv("NOVITA_LUA") or "lua5.4", code))
    local said = pipe:read("*a")
    pipe:close()
    local line = ('nil\tconfig: output: "%s": File too large\n'):format(path)
    assert.are.equal(line .. line, said)
    assert.are.equal("", files.names(folder))
  end)
end)
