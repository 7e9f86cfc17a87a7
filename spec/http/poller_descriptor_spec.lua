-- pool:fd() is readable when poll(0) has work, time-outs included, and only then: any event loop
-- can drive a pool by it, and sleeps while there is nothing to do.

local core = require("novita.core")

local files = require("spec.support.files")
local native = require("spec.support.native")
local simulator = require("spec.support.simulator_client")
local wire = require("spec.support.wire")

local FOREVER = 30
local LIMIT = 0.05
local QUIET = 0.03

local probe = core.pool()
local has_descriptor = probe:fd() ~= nil
probe:close()

describe("pool:fd", function()
  if not has_descriptor then
    return pending("is nil where there is no epoll")
  end

  local sim, pool, fd

  setup(function() sim = simulator.shared() end)

  before_each(function()
    sim:reset()
    pool = core.pool()
    fd = pool:fd()
  end)

  after_each(function() pool:close() end)

  local function start(step, options)
    if step then sim:script { step } end
    return assert(pool:chat(wire.request, wire.options(options)))
  end

  -- Does what an event loop does until a transfer has news. Returns it and how often it was woken.
  local function drive(seconds)
    local till, wakes = core.now() + (seconds or 5), 0
    while core.now() < till do
      if native.readable(fd, till - core.now()) then
        wakes = wakes + 1
        pool:poll(0)
        local transfer = pool:ready()
        if transfer then return transfer, wakes end
      end
    end
    error("nothing happened", 2)
  end

  local function is_quiet()
    return not native.readable(fd, QUIET)
  end

  it("is one descriptor for the life of the pool", function()
    assert.are.equal("number", type(fd))
    assert.are.equal(fd, pool:fd())
    start()
    assert.are.equal(fd, pool:fd())
    assert.are.equal("anon_inode:[eventpoll]", native.descriptors()[fd])
  end)

  -- What a program that is started now finds open: a server would go on for it after a cancel.
  local function inherited(kind)
    local pipe = assert(io.popen("for link in /proc/$$/fd/*; do readlink $link; done"))
    local links = {}
    for link in pipe:lines() do
      if link:find(kind, 1, true) then table.insert(links, link) end
    end
    pipe:close()
    table.sort(links)
    return links
  end

  it("is, as connections are, closed in programs that are started meanwhile", function()
    pool:close()
    local inodes = inherited("anon_inode:")
    pool = core.pool()
    fd = pool:fd()
    local sockets = inherited("socket:") -- the two with which libcurl 7.88 wakes itself are
    local transfer = start { delay = FOREVER }
    assert(sim:wait_for(function(entries) pool:poll(0) return entries[1] end))
    assert.are.same({ inodes, sockets }, { inherited("anon_inode:"), inherited("socket:") })
    transfer:close()
  end)

  it("is not readable while the pool is idle", function()
    assert.is_true(is_quiet())
    pool:poll(0)
    assert.is_true(is_quiet())
  end)

  it("drives a call alone, with few wake-ups", function()
    local transfer = start()
    local ready, wakes = drive()
    assert.are.equal(transfer, ready)
    assert.is_table(transfer:reply())
    assert.is_true(wakes < 10, wakes)
    assert.is_true(is_quiet())
  end)

  it("is quiet while the server thinks", function()
    local transfer = start { delay = 2 * QUIET }
    while not sim:journal()[1] do
      if native.readable(fd, 0.01) then pool:poll(0) end
    end
    assert.is_true(is_quiet())
    assert.are.equal(transfer, (drive()))
  end)

  it("is quiet after a call, even one that had time-outs to come", function()
    start(nil, { deadline = 2 * QUIET, first_byte_timeout = QUIET })
    assert.is_table(drive():reply())
    for _ = 1, 4 do assert.is_true(is_quiet()) end
  end)

  it("wakes once at most when the server closes an idle connection", function()
    start { silent_close = true }
    assert.is_table(drive():reply())
    if native.readable(fd, QUIET) then pool:poll(0) end
    assert.is_true(is_quiet())
  end)

  it("is quiet while a child process holds a connection open that is closed here", function()
    start { silent_close = true }
    assert.is_table(drive():reply())
    local pid = native.fork()
    if pid == 0 then
      native.readable(-1, 10)
      native.quit(0)
    end
    native.readable(-1, QUIET) -- the server closes the connection meanwhile
    start()
    assert.is_table(drive():reply())
    local quiet = is_quiet()
    native.kill(pid, "KILL")
    native.wait(pid)
    assert.is_true(quiet)
  end)

  it("takes over the numbers of sockets that were closed just before", function()
    pool:close()
    pool = core.pool()
    sim:always { connection = "close" }
    local first, second = start(), start()
    repeat pool:poll(0.1) until first:news() and second:news()
    fd = pool:fd()
    pool:poll(0)
    assert.is_table(first:reply())
    assert.is_table(second:reply())
    local transfer = start(nil, { base_url = simulator.refused() })
    assert.are.equal(transfer, (drive(1)))
    assert.are.equal("connect", select(2, transfer:reply()).reason)
    sim:always { delay = FOREVER }
    transfer = start(nil, { deadline = LIMIT })
    assert.are.equal(transfer, (drive()))
  end)

  it("serves a socket whose number was another's just before", function()
    sim:always { connection = "close" }
    for _ = 1, 20 do
      start()
      assert.is_table(drive():reply())
    end
  end)

  it("is quiet after cancel, close and collection", function()
    local transfer = start({ delay = FOREVER }, { deadline = 2 * QUIET })
    transfer:close()
    assert.is_true(is_quiet())
    assert.is_true(is_quiet())
    start({ delay = FOREVER }, { deadline = 2 * QUIET })
    collectgarbage()
    collectgarbage()
    assert.is_true(is_quiet())
    assert.is_true(is_quiet())
  end)

  it("wakes who waits when a transfer is cancelled elsewhere", function()
    local transfer = start { delay = FOREVER }
    pool:poll(0)
    transfer:cancel()
    assert.are.equal(transfer, (drive(1)))
    assert.is_true(is_quiet())
  end)

  it("is readable when a call failed at its start, or ended at it", function()
    local transfer = start(nil, { base_url = simulator.refused() })
    assert.are.equal(transfer, (drive(1)))
    assert.are.equal("connect", select(2, transfer:reply()).reason)
    for _ = 1, 20 do -- on a kept connection the answer can be there before pool:chat returns
      transfer = start()
      assert.are.equal(transfer, (drive(1)))
      assert.is_table(transfer:reply())
    end
    assert.is_true(is_quiet())
  end)

  it("is written to once for news beside which other calls start", function()
    local function writes()
      return tonumber(files.read("/proc/self/io"):match("syscw: (%d+)"))
    end
    local transfer = start(nil, { base_url = simulator.refused() })
    sim:always { delay = FOREVER }
    assert.is_true(native.readable(fd, wire.slack))
    local before = writes()
    for _ = 1, 20 do
      start()
      native.readable(-1, 0.001) -- so that the next start serves the sockets
    end
    assert.is_true(writes() - before <= 2, writes() - before)
    assert.are.equal(transfer, (drive(1)))
    assert.are.equal("connect", select(2, transfer:reply()).reason)
  end)

  describe("fires for the time-out", function()
    local function expires(reason, step, options)
      local transfer
      local seconds = wire.took(function() -- the time of a call counts from its start
        transfer = start(step, options)
        assert.are.equal(transfer, (drive()))
      end)
      assert.are.equal(reason, select(2, transfer:reply()).reason)
      assert.is_true(seconds > LIMIT - 0.005 and seconds < LIMIT + wire.slack, seconds)
      assert.is_true(is_quiet())
    end

    it("connect", function()
      local url, close = simulator.deaf()
      expires("connect", nil, { base_url = url, connect_timeout = LIMIT })
      close()
    end)

    it("first_byte", function()
      expires("first_byte", { delay = FOREVER }, { first_byte_timeout = LIMIT })
    end)

    it("idle", function()
      expires("idle", { cut = 50, ending = "stall" }, { idle_timeout = LIMIT })
    end)

    it("attempt", function()
      expires("attempt", { delay = FOREVER }, { attempt_timeout = LIMIT })
    end)

    it("deadline", function()
      expires("deadline", { delay = FOREVER }, { deadline = LIMIT })
    end)

    it("that comes first, whichever call has it", function()
      sim:always { delay = FOREVER }
      local long = start(nil, { deadline = FOREVER })
      pool:poll(0)
      expires("deadline", nil, { deadline = LIMIT })
      local short = start(nil, { deadline = LIMIT })
      local middle = start(nil, { deadline = 2 * LIMIT })
      assert.are.equal(short, (drive()))
      assert.are.equal(middle, (drive()))
      long:close()
    end)
  end)

  it("wakes seldom for a time-out that every byte moves away", function()
    local transfer = start({ body = ("x"):rep(20), piece = 1, pause = 0.01 }, { idle_timeout = 1 })
    local ready, wakes = drive()
    assert.are.equal(transfer, ready)
    assert.is_true(wakes < 40, wakes)
  end)

  it("drives many", function()
    local left = {}
    for index = 1, 30 do left[start { delay = 0.001 * index }] = true end
    while next(left) do
      local transfer = drive()
      assert.is_true(left[transfer])
      left[transfer] = nil
      assert.is_table(transfer:reply())
      for more in function() return pool:ready() end do
        left[more] = nil
        assert.is_table(more:reply())
      end
    end
    assert.is_true(is_quiet())
  end)

  it("is readable when the transfer was started before the descriptor was asked for", function()
    pool:close()
    pool = core.pool()
    local transfer = start { delay = FOREVER, uses = 1 }
    local timed = start({ delay = FOREVER }, { deadline = LIMIT })
    fd = pool:fd()
    assert.are.equal(timed, (drive()))
    transfer:close()
  end)
end)
