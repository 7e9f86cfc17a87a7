-- examples/openresty/runs as it is delivered: its handler, its worker, and its page in a real
-- browser.

local socket = require("socket")

local core = require("novita.core")
local novita = require("novita")

local browser = require("spec.support.browser")
local child = require("spec.support.child")
local files = require("spec.support.files")
local native = require("spec.support.native")
local nginx = require("spec.support.nginx")
local sim = require("spec.support.simulator_client").shared()

local JSON = { ["Content-Type"] = "application/json" }
local HOSTILE = "<script>document.title = 'hacked'</script>\"'&"
local HOME = "http://localhost" -- the origin of the pages for spec.support.nginx

local server, store, folder

local function environment(more)
  local all = { RUNS_STORE = folder .. "/runs.db" }
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

local function serve(more)
  folder = files.folder()
  server = nginx.start { example = "openresty/runs", environment = environment(more),
    simulator = false }
  store = assert(novita.store(folder .. "/runs.db"))
end

local function stop_serving()
  store:close()
  local codes, complaints = server:stop()
  assert.same({ 0 }, codes)
  assert.same({}, complaints)
end

local function hook(article, headers)
  return server:get("/hooks/article", core.encode { article = article }, headers or JSON)
end

local function location(head)
  return head:match("Location: ([^\r\n]*)")
end

-- The first line of the answer to a request without a body, whose head is given; and all of it.
local function answer_line(head)
  local connection = assert(socket.connect("127.0.0.1", server.port))
  connection:settimeout(10)
  assert(connection:send(head .. "\r\n"))
  local answer, _, part = connection:receive("*a")
  connection:close()
  answer = answer or part
  return answer:match("^[^\r\n]*"), answer
end

local function start_worker()
  return child.start([[
    arg = { [0] = "bin/novita", "runs", "work", "examples/openresty/runs/flow.lua" }
    dofile("bin/novita")]], environment {
      RUNS_FOLDER = folder, NOVITA_BASE_URL = sim.url, NOVITA_API_KEY = "sk_runs",
      NOVITA_MODEL = "simulator/echo",
    })
end

local function stop_worker(worker)
  native.kill(worker.pid, "TERM")
  local output, how, number = worker:finish()
  assert.same({ "exit", 130 }, { how, number }, output)
  return output
end

describe("#nginx: examples/openresty/runs", function()
  before_each(function() sim:reset() end)

  describe("its webhook", function()
    setup(function() serve { HOOK_TOKEN = "hook_s3cret" } end)
    teardown(stop_serving)

    local function headers(more)
      local all = { ["Content-Type"] = "application/json",
        Authorization = "Bearer hook_s3cret" }
      for name, value in pairs(more or {}) do all[name] = value end
      return all
    end

    it("queues a run and says where it is", function()
      local status, body, head = hook("rain", headers())
      assert.equal(202, status)
      local answer = core.decode(body)
      assert.equal("/runs/" .. answer.id, location(head))
      local record = assert(store:run(answer.id))
      assert.same({ "queued", "article", { article = "rain" } },
        { record.status, record.flow, record.trigger })
    end)

    it("knows the type of JSON in each spelling", function()
      for _, name in ipairs { "Application/JSON", "application/json; charset=utf-8",
        "application/json;charset=utf-8", "application/json " } do
        assert.equal(202, (hook("rain", headers { ["Content-Type"] = name })), name)
      end
    end)

    it("refuses what is no trigger, and who has no token", function()
      local before = #store:runs()
      assert.equal(401, (hook("rain", JSON)))
      assert.equal(401, (hook("rain", headers { Authorization = "Bearer hook_" })))
      assert.equal(415, (hook("rain", headers { ["Content-Type"] = "text/plain" })))
      assert.equal(415, (hook("rain", headers { ["Content-Type"] = "application/jsonp" })))
      for _, body in ipairs { "", "[", "5", "{}", '{"article":5}', '{"article":"x","n":1e999}' } do
        assert.equal(400, (server:get("/hooks/article", body, headers())), body)
      end
      assert.equal(403, (hook("rain", headers { Origin = "https://evil.example" })))
      assert.equal(before, #store:runs())
    end)
  end)

  describe("its pages", function()
    setup(serve)
    teardown(stop_serving)

    -- A run that has paused at its second step.
    local function paused(article)
      sim:script { { answer = { content = "one" } }, { status = 400 } }
      local flow = assert(novita.workflow("article", function(run, trigger)
        run:chat("summarize", { model = "simulator/echo", message = trigger.article })
        run:chat("route", { model = "simulator/echo", message = "where?" })
      end, { store = store, base_url = sim.url, api_key = "sk_runs", retry = "none" }))
      return assert(flow:start { article = article })
    end

    it("list the runs, and a part of them by their status", function()
      local record = paused("rain")
      assert(store:queue_run("article", { article = "snow" }))
      local status, all, head = server:get("/runs")
      assert.equal(200, status)
      assert.is_truthy(all:find(('<a href="/runs/%s">'):format(record.id), 1, true))
      assert.is_truthy(head:find("Content-Security-Policy: default-src 'none';", 1, true))
      assert.is_nil(head:find("unsafe", 1, true))
      local _, rows = all:gsub('<a href="/runs/%x+">', "")
      assert.equal(#store:runs(), rows)
      local _, some = server:get("/runs?status=paused")
      _, rows = some:gsub('<a href="/runs/%x+">', "")
      assert.equal(1, rows)
      assert.equal(200, (server:get("/runs?status=<script>")))
    end)

    it("show the timeline of one, with every text escaped", function()
      local record = paused(HOSTILE)
      for _, path in ipairs { "/runs/" .. record.id, ("/runs/%s.html"):format(record.id) } do
        local status, page, head = server:get(path)
        assert.equal(200, status)
        assert.is_truthy(page:find("&lt;script&gt;document.title", 1, true))
        assert.is_nil(page:find("<script>", 1, true))
        assert.is_truthy(page:find("summarize", 1, true))
        assert.equal(path:find("html") ~= nil, head:find("attachment", 1, true) ~= nil)
      end
    end)

    it("queue a run again, and go back to its page", function()
      local record = paused("rain")
      local path = ("/runs/%s/retry"):format(record.id)
      local status, _, head = server:get(path, "", { Origin = HOME })
      assert.same({ 303, "/runs/" .. record.id }, { status, location(head) })
      assert.equal("queued", assert(store:run(record.id)).status)
      assert.equal(303, (server:get(path, "", { Origin = HOME })))
    end)

    it("refuse a POST from another site, and a name that is not theirs", function()
      local record = paused("rain")
      local path = ("/runs/%s/retry"):format(record.id)
      for _, headers in ipairs { { Origin = "https://evil.example" }, { Origin = "null" },
        { Origin = "http://localhost.evil.example" }, { ["Sec-Fetch-Site"] = "cross-site" },
        { ["Sec-Fetch-Site"] = "same-site" } } do
        assert.equal(403, (server:get(path, "", headers)))
      end
      local foreign = "Host: evil.example\r\nOrigin: http://evil.example\r\n"
      for _, head in ipairs {
        "GET /runs HTTP/1.0\r\nHost: evil.example\r\n", "GET /runs HTTP/1.0\r\n",
        "POST http://localhost" .. path .. " HTTP/1.1\r\n" .. foreign,
        "POST http://localhost" .. path .. " HTTP/1.0\r\nOrigin: http://localhost\r\n",
      } do
        assert.equal("HTTP/1.1 403 Forbidden", answer_line(head), head)
      end
      assert.equal("paused", assert(store:run(record.id)).status)
    end)

    it("do not block their worker while another process writes to the store", function()
      local waiting
      assert(store:transaction(function()
        waiting = server:open("/hooks/article", '{"article":"hail"}', JSON)
        local since = socket.gettime()
        for _ = 1, 5 do
          assert.equal(200, (server:get("/live.js")))
          socket.sleep(0.01)
        end
        assert.is_true(socket.gettime() - since < 0.15)
        waiting:settimeout(0)
        assert.equal("timeout", select(2, waiting:receive("*l")))
        return true
      end))
      waiting:settimeout(10)
      assert.equal("HTTP/1.1 202 Accepted", waiting:receive("*l"):sub(1, 21))
      waiting:close()
    end)

    it("answer HEAD as GET, and change nothing by other methods", function()
      local record = paused("rain")
      local head = "%s %s HTTP/1.0\r\nHost: localhost\r\n"
      for _, path in ipairs { "/runs", "/runs/" .. record.id, "/runs.css", "/live.js" } do
        assert.equal("HTTP/1.1 200 OK", answer_line(head:format("HEAD", path)), path)
      end
      for _, method in ipairs { "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS" } do
        local line = answer_line(head:format(method, ("/runs/%s/retry"):format(record.id)))
        assert.equal("HTTP/1.1 405 Not Allowed", line, method)
      end
      assert.equal("paused", assert(store:run(record.id)).status)
    end)

    it("say which methods they have", function()
      local id = paused("rain").id
      for _, case in ipairs {
        { "PUT", "/runs", "GET, HEAD" }, { "DELETE", "/runs/" .. id, "GET, HEAD" },
        { "PATCH", "/runs/" .. id .. ".html", "GET, HEAD" }, { "POST", "/runs", "GET, HEAD" },
        { "POST", "/runs.css", "GET, HEAD" }, { "TRACK", "/", "GET, HEAD" },
        { "GET", "/runs/" .. id .. "/retry", "POST" }, { "GET", "/hooks/article", "POST" },
        { "PUT", "/hooks/article", "POST" },
      } do
        local line, fields = answer_line(("%s %s HTTP/1.0\r\nHost: localhost\r\n"):format(case[1],
          case[2]))
        assert.same({ "HTTP/1.1 405 Not Allowed", case[3] },
          { line, fields:match("\nAllow: ([^\r\n]*)") }, case[1] .. " " .. case[2])
      end
      assert.equal("HTTP/1.1 404 Not Found",
        (answer_line("PUT /none HTTP/1.0\r\nHost: localhost\r\n")))
    end)

    it("are not there for what does not exist", function()
      for _, path in ipairs { "/runs/ffffffffffff", "/runs/x", "/flow.lua", "/runs.lua", "/runs.db",
        "/live.js/" } do
        assert.equal(404, (server:get(path)), path)
      end
      for _, path in ipairs { "/runs/ffffffffffff/retry", "/hooks/other" } do
        assert.equal(404, (server:get(path, "", { Origin = HOME })), path)
      end
      assert.equal(303, (server:get("/")))
    end)
  end)

  describe("its page in a browser", function()
    local page, worker

    setup(function()
      serve()
      worker = start_worker()
      page = browser.open()
    end)

    teardown(function()
      page:close()
      stop_worker(worker)
      stop_serving()
    end)

    local function wait_for_status(status)
      return browser.wait_for(function()
        local ok, text = pcall(page.text, page, "h1 .status") -- it may be replaced meanwhile
        return ok and text == status and text or nil
      end)
    end

    it("shows a run that fails, retries it by a click, and shows that it is done", function()
      sim:script { { answer = { content = "Rain ended a match." } },
        { status = 400, body = '{"message":"no such desk"}' } }
      local _, _, head = hook(HOSTILE)
      page:go(("http://127.0.0.1:%d%s"):format(server.port, location(head)))
      assert.equal("paused", wait_for_status("paused"))
      assert.is_truthy(page:text("main"):find("no such desk", 1, true))
      assert.is_truthy(page:text("main"):find("route", 1, true))

      sim:reset()
      sim:script { { delay = 1.5, answer = { content = "Sports, I think." } } }
      page:run("document.body.dataset.same = 'page'")
      page:click("form button")
      assert.equal("running", wait_for_status("running"))
      page:run("document.body.dataset.same = 'page'") -- no reload from here to the end
      assert.equal("done", wait_for_status("done"))
      assert.equal("page", page:run("return document.body.dataset.same"))
      assert.equal(1, #sim:journal()) -- the first step had its result
      assert.is_nil(page:text("form button"))
      assert.is_truthy(page:text("main"):find("sports.md", 1, true))
      assert.is_nil(page:run("return document.title"):find("hacked", 1, true))
      local file = assert(io.open(folder .. "/sports.md"))
      assert.equal("Rain ended a match.\n\n", file:read("*a"))
      file:close()
    end)

    it("has a list that follows the runs", function()
      page:go(("http://127.0.0.1:%d/runs"):format(server.port))
      local _, _, head = hook("snow")
      page:go(("http://127.0.0.1:%d/runs"):format(server.port))
      local id = location(head):match("%x+$")
      assert.is_truthy(browser.wait_for(function()
        return page:run(("const link = document.querySelector('a[href=\"/runs/%s\"]');"
          .. "return link !== null && link.closest('tr').innerText.includes('done')"):format(id))
      end))
      page:click(('a[href="/runs/%s"]'):format(id))
      assert.equal("done", wait_for_status("done"))
    end)

    it("lets no script run that is not its own, and loads nothing from elsewhere", function()
      page:run("const s = document.createElement('script'); s.textContent = 'window.bad = 1';"
        .. "document.body.append(s)")
      assert.is_nil(page:run("return window.bad"))
      assert.equal("blocked", page:run("const i = new XMLHttpRequest();"
        .. "i.open('GET', 'http://127.0.0.1:1/', false);"
        .. "try { i.send(); return 'sent' } catch (e) { return 'blocked' }"))
    end)
  end)
end)
