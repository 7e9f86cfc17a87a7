-- Forms with files: read from the disk while they are sent, and again from the start on a retry.

local core = require("novita.core")

local files = require("spec.support.files")
local memory = require("spec.support.memory")
local talk = require("spec.support.client")

local sim = talk.sim

local path

before_each(function()
  sim:reset()
  path = os.tmpname()
end)

local function upload(fields, options)
  local request = { path = "/files", files = { file = { path = path } } }
  for name, value in pairs(fields or {}) do request[name] = value end
  return talk.client(options):request(request)
end

-- The parts of a form: { name = { head, bytes } } and the names in their order.
local function parts(entry)
  local boundary = entry.header["content-type"]:match("^multipart/form%-data; boundary=(.+)$")
  local found, order = {}, {}
  local mark = "%-%-" .. boundary:gsub("%-", "%%-") .. "\r\n"
  for head, bytes in entry.body:gmatch(mark .. "(.-)\r\n\r\n(.-)\r\n%f[-]") do
    local name = head:match('name="(.-)"')
    found[name] = { head = head, bytes = bytes }
    order[#order + 1] = name
  end
  return found, order
end

describe("a form", function()
  it("has the fields of the body, and the files", function()
    files.write(path, "one\ntwo\n")
    sim:script { { body = '{"id":"f-1"}' } }
    local answer = assert(upload {
      body = { purpose = "batch", n = 3, flag = true, list = { 1, 2 } },
      files = {
        file = { path = path, filename = "in.jsonl", type = "application/jsonl" },
        more = { bytes = "a\0b", type = "text/x" },
      },
    })
    assert.are.equal("f-1", answer.id)
    local entry = sim:journal()[1]
    assert.are.equal("POST", entry.method)
    assert.are.equal(tostring(#entry.body), entry.header["content-length"])
    local found, order = parts(entry)
    assert.are.same({ "flag", "list", "n", "purpose", "file", "more" }, order)
    assert.are.same({ "true", "[1,2]", "3", "batch", "one\ntwo\n", "a\0b" }, {
      found.flag.bytes, found.list.bytes, found.n.bytes, found.purpose.bytes, found.file.bytes,
      found.more.bytes,
    })
    assert.is_truthy(found.file.head:find('filename="in.jsonl"', 1, true))
    assert.is_truthy(found.file.head:find("Content-Type: application/jsonl", 1, true))
    assert.is_truthy(found.more.head:find('filename="more"\r\nContent-Type: text/x', 1, true))
  end)

  it("is sent again from the start, as often as it has to be", function()
    files.write(path, ("0123456789"):rep(20000))
    sim:script {
      { status = 503, connection = "close" }, { raw = "", ending = "reset" },
      { body = "{}", silent_close = "request" }, { body = "{}" },
    }
    local client = talk.client { retry = { attempts = 3, initial_delay = 0 } }
    local request = { path = "/files", files = { file = { path = path } } }
    local _, info = assert(client:request(request))
    assert.are.equal(3, #info.attempts)
    assert(client:request(request))
    local entries = sim:journal()
    assert.are.equal(4, #entries)
    for _, entry in ipairs(entries) do
      assert.are.equal(200000, #parts(entry).file.bytes)
    end
  end)

  it("of a file that can't be read is not sent", function()
    local fifo = files.fifo()
    for name, why in pairs {
      ["/no/such/file"] = "is not a readable file", ["/"] = "is a directory, not a file",
      [fifo] = "is not a regular file",
    } do
      local answer, err = upload { files = { file = { path = name } } }
      assert.is_nil(answer)
      assert.are.same({ "config", "files.file" }, { err.kind, err.param })
      assert.are.equal(('files.file: "%s" %s'):format(name, why), err.message)
    end
    assert.are.equal(0, #sim:journal())
  end)

  it("with a field that can't be written is not sent", function()
    for name, value in pairs { print = print, nan = 0 / 0 } do
      local answer, err = upload { body = { [name] = value }, files = { file = { bytes = "x" } } }
      assert.are.same({ nil, "config", "body." .. name }, { answer, err.kind, err.param })
    end
    assert.are.equal(0, #sim:journal())
  end)

  it("with a control character in a name or a type is not sent", function()
    for _, file in ipairs {
      { bytes = "x", filename = "a\r\nX: y" }, { bytes = "x", type = "text/x\r\nX: y" },
      { path = path, filename = "a\0b" },
    } do
      local _, err = upload { files = { file = file } }
      assert.are.same({ "config", "files.file" }, { err.kind, err.param })
      assert.is_truthy(err.message:find("has a control character in it", 1, true), err.message)
    end
    assert.are.equal(0, #sim:journal())
  end)

  it("tells how far it is, and stops when it is told to", function()
    files.write(path, ("x"):rep(5 * 2 ^ 20))
    sim:script { { body = "{}" } }
    local last, whole = 0, nil
    assert(upload { on_progress = function(done, total)
      assert.is_true(done > last)
      last, whole = done, total
    end })
    assert.are.equal(whole, last)
    assert.is_true(whole > 5 * 2 ^ 20)
    sim:script { { early = true, raw = "", ending = "stall" } }
    local _, err = upload { on_progress = function() return false end }
    assert.are.equal("cancelled", err.kind)
  end)

  it("may take long: the wait for the answer begins with its last byte", function()
    os.execute(("truncate -s 40M '%s'"):format(path))
    sim:script { { early = true, drip = 0.01, body = "{}" } }
    local since = core.now()
    assert(upload({}, { first_byte_timeout = 0.6 }))
    assert.is_true(core.now() - since > 1.2)
    sim:script { { early = true, drip = 10, body = "{}" } }
    local _, err = upload({}, { first_byte_timeout = 0.3 })
    assert.are.same({ "timeout", "first_byte" }, { err.kind, err.reason })
  end)

  it("that the server refuses early has its reason", function()
    os.execute(("truncate -s 20M '%s'"):format(path))
    sim:script { { early = true, status = 413, message = "too large" } }
    local _, err = upload()
    assert.are.same({ "request_too_large", "too large" }, { err.kind, err.message })
  end)

  it("ends with what the function of its progress raises", function()
    files.write(path, ("x"):rep(5 * 2 ^ 20))
    local ok, problem = pcall(upload, { on_progress = function() error({ "mine" }, 0) end })
    assert.are.same({ false, { "mine" } }, { ok, problem })
    assert.is_truthy(sim:wait_for(function(entries) return entries[1] end)) -- before the next reset
  end)

  it("of 200 MiB takes no memory", function()
    os.execute(("truncate -s 200M '%s'"):format(path))
    sim:script { { match = "files", body = "{}" } }
    local used = memory.of(([[
      assert(client:request { path = "/files", files = { file = { path = %q } } })
    ]]):format(path), sim.url)
    assert.is_truthy(sim:journal()[2].body:find("^2097%d+ bytes$"))
    memory.check("uploading 200 MiB", used, 4)
  end)
end)
