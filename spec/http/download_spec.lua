-- Answers that go into a file: it is there when it is whole, and nothing is left of one that fails.

local files = require("spec.support.files")
local memory = require("spec.support.memory")
local novita = require("novita")
local talk = require("spec.support.client")

local sim = talk.sim

local folder, path

before_each(function()
  sim:reset()
  folder = files.folder()
  path = folder .. "/out"
end)
teardown(function() sim:reset() end)
after_each(function() os.execute("rm -rf '" .. folder .. "'") end)

local function save(step, fields, options)
  if step then sim:script { step } end
  local request = { path = "/content", save_to = path }
  for name, value in pairs(fields or {}) do request[name] = value end
  return talk.client(options):request(request)
end

-- A cut in compressed bytes would not be noticed.
describe("an answer that does not show its end", function()
  it("is asked for without compression, JSON with it", function()
    local client = talk.client()
    assert(save({ body = "text" }))
    sim:script { { body = "text", content_type = "text/plain" } }
    assert(client:request { path = "/content" })
    assert(client:models())
    assert(client:chat(talk.request()))
    local asked = {}
    for index, entry in ipairs(sim:journal()) do asked[index] = entry.header["accept-encoding"] end
    assert.are.same({ "identity", "identity", "gzip", "gzip" }, asked)
  end)
end)

describe("an answer that goes into a file", function()
  it("is there under its name, and given by it, once it is whole", function()
    files.write(path, "old")
    local seen
    local value, info = save({ body = ("x"):rep(1000), piece = 500, pause = 0.15 }, {
      on_progress = function(done)
        if done < 1000 then
          seen = { files.read(path), files.names(folder):match("out%.%d+%-1%.part") ~= nil }
        end
      end,
    })
    assert.are.same({ path, 200 }, { value, info.status })
    assert.are.same({ "old", true }, seen)
    assert.are.equal(("x"):rep(1000), files.read(path))
    assert.are.equal("out", files.names(folder))
  end)

  it("may be empty, compressed, of any type, and larger than max_response_bytes", function()
    assert(save({ body = "" }))
    assert.are.equal("", files.read(path))
    assert(save({ body = ('{"a":1}\n'):rep(1000), gzip = true }, {}, { max_response_bytes = 10 }))
    assert.are.equal(('{"a":1}\n'):rep(1000), files.read(path))
  end)

  it("tells how far it is", function()
    local calls, last, whole = 0, 0, nil
    assert(save({ body = ("x"):rep(2 ^ 20), body_times = 8, pace = 0.03 }, {
      on_progress = function(done, total)
        assert.is_true(done > last)
        calls, last, whole = calls + 1, done, total
      end,
    }))
    assert.are.same({ 2 ^ 23, 2 ^ 23 }, { last, whole })
    assert.is_true(calls >= 2 and calls <= 40, calls)
  end)

  it("is written anew by each attempt", function()
    sim:script { { body = ("a"):rep(100), cut = 50, ending = "reset" }, { body = "bb" } }
    assert(save(nil, nil, { retry = { attempts = 2, initial_delay = 0 } }))
    assert.are.equal("bb", files.read(path))
    assert.are.equal("out", files.names(folder))
  end)
end)

describe("an answer that fails", function()
  local failures = {
    ["is an error"] = { { status = 404, message = "no file" }, "not_found" },
    ["is cut"] = { { body = ("x"):rep(1000), cut = 500, ending = "close" }, "connection" },
    ["stalls"] = { { body = ("x"):rep(1000), cut = 500, ending = "stall" }, "timeout" },
  }
  for name, case in pairs(failures) do
    it("as it " .. name .. " leaves the old file, and no other", function()
      files.write(path, "old")
      local value, err = save(case[1], {}, { idle_timeout = 0.1 })
      assert.are.same({ nil, case[2] }, { value, err.kind })
      assert.are.same({ "old", "out" }, { files.read(path), files.names(folder) })
    end)
  end

  it("as it is cancelled leaves none, by progress, by its task, and by collection", function()
    local step = { body = ("x"):rep(2 ^ 20), cut = 2 ^ 19, ending = "stall" }
    local _, err = save(step, { on_progress = function() return false end })
    assert.are.same({ "cancelled", "" }, { err.kind, files.names(folder) })
    sim:script { step }
    local task
    local stop = { on_progress = function() task:cancel() end }
    task = novita.spawn(function() return save(nil, stop) end)
    novita.run()
    assert.are.equal("", files.names(folder))
    local ok = pcall(save, step, { on_progress = function() error("mine") end })
    assert.are.same({ false, "" }, { ok, files.names(folder) })
  end)

  it("as the file can't be made is not asked for", function()
    local value, err = save(nil, { save_to = folder .. "/no/out" })
    assert.are.same({ nil, "config", "save_to" }, { value, err.kind, err.param })
    assert.are.equal(('save_to: "%s/no/out": No such file or directory'):format(folder),
      err.message)
    assert.are.equal(0, #sim:journal())
  end)

  it("as its name is empty, a folder's or a device's is not asked for", function()
    local device = files.fifo()
    for name, why in pairs {
      [""] = "is empty", [folder] = "is a directory, not a file",
      [device] = "is not a regular file",
    } do
      local value, err = save({ body = "x" }, { save_to = name })
      assert.are.same({ nil, "config", "save_to" }, { value, err.kind, err.param })
      assert.are.equal(('save_to: "%s" %s'):format(name, why), err.message)
    end
    assert.are.same({ 0, "" }, { #sim:journal(), files.names(folder) })
  end)

  it("as it can't get its name says why, and is not tried again", function()
    sim:always { body = ("x"):rep(1000), piece = 500, pause = 0.15 }
    local value, err = save(nil, {
      on_progress = function() os.execute("rm -rf '" .. folder .. "'") end,
    }, { retry = { attempts = 3, initial_delay = 0 } })
    assert.are.same({ nil, "config", 1 }, { value, err.kind, #err.attempts })
    assert.are.equal("save_to: No such file or directory", err.message)
  end)

  it("as the disk is full says so", function()
    sim:script { { body = ("x"):rep(2 ^ 20) } }
    local code = ('print(select(2, require("novita").new { base_url = %q, api_key = "sk_x" }'
      .. ':request { path = "/content", save_to = %q }))'):format(sim.url, path)
    local shell = "trap '' XFSZ; ulimit -f 100; env LD_PRELOAD=\"$NOVITA_PRELOAD\" %s -e '%s' 2>&1"
    local pipe = io.popen(shell:format(os.getenv("NOVITA_LUA") or "lua5.4", code))
    local output = pipe:read("*a")
    pipe:close()
    assert.is_truthy(output:find("config: save_to: File too large", 1, true), output)
    assert.are.equal("", files.names(folder))
  end)
end)

describe("an answer of 200 MiB", function()
  it("takes no memory on its way into a file", function()
    sim:script { { match = "content", body = ("0123456789abcdef"):rep(65536), body_times = 200 } }
    local used = memory.of(([[
      assert(client:request { path = "/content", save_to = %q })
    ]]):format(path), sim.url)
    local file = io.open(path, "rb")
    assert.are.equal(200 * 2 ^ 20, file:seek("end"))
    file:close()
    memory.check("downloading 200 MiB", used, 4)
  end)
end)
