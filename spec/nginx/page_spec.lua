-- examples/openresty as it is delivered, its page in a real browser.

local core = require("novita.core")

local browser = require("spec.support.browser")
local nginx = require("spec.support.nginx")
local sim = require("spec.support.simulator_client").shared()
local wire = require("spec.support.wire")

local ANSWER = "article.assistant:last-of-type"
local ENTER = "\238\128\135" -- WebDriver's name for the key, U+E007
local JSON = { ["Content-Type"] = "application/json" }

describe("#nginx: examples/openresty", function()
  local server, url

  local function serve()
    server = nginx.start {
      example = "openresty",
      environment = { NOVITA_BASE_URL = sim.url, NOVITA_API_KEY = "sk_page_spec" },
    }
    url = ("http://127.0.0.1:%d/"):format(server.port)
  end

  local function stop_serving()
    sim:reset()
    assert.same({ 0 }, (server:stop()))
  end

  before_each(function() sim:reset() end)

  local function question(text)
    return core.encode { messages = core.array { { role = "user", content = text } } }
  end

  describe("its handler", function()
    setup(serve)
    teardown(stop_serving)

    it("relays a chat as events", function()
      sim:script { { answer = { content = "one two" } } }
      local status, body, head = server:get("/chat", question("Hi"), JSON)
      assert.equal(200, status)
      assert.is_truthy(head:find("Content-Type: text/event-stream", 1, true))
      assert.equal('event: text\ndata: "one"\n\nevent: text\ndata: " two"\n\n'
        .. 'event: done\ndata: ""\n\n', body)
    end)

    it("keeps the key and what is asked for to itself", function()
      server:get("/chat", core.encode {
        model = "expensive/model", max_tokens = 100000,
        messages = core.array { { role = "user", content = "Hi", name = "x" } },
      }, JSON)
      local entry = sim:journal()[1]
      assert.equal("Bearer sk_page_spec", entry.header.authorization)
      local sent = core.decode(entry.body)
      assert.equal("meta-llama/llama-3.3-70b-instruct", sent.model)
      assert.equal(1024, sent.max_tokens)
      assert.same({ { role = "user", content = "Hi" } }, sent.messages)
      local _, page = server:get("/")
      assert.is_nil(page:find("sk_", 1, true))
    end)

    it("refuses what is no conversation, before anything is sent", function()
      for _, body in ipairs {
        "", "{}", "[]", '{"messages":[]}', '{"messages":{}}', '{"messages":["Hi"]}',
        '{"messages":[{"role":"system","content":"Hi"}]}',
        '{"messages":[{"role":"user","content":["Hi"]}]}', question(("x"):rep(40000)),
        '{"messages":[3]}',
      } do
        assert.equal(400, (server:get("/chat", body, JSON)), body)
      end
      assert.equal(400, (server:get("/chat", question("Hi"), { ["Content-Type"] = "text/plain" })))
      local status, _, head = server:get("/chat")
      assert.same({ 405, "POST" }, { status, head:match("\nAllow: ([^\r\n]*)") })
      assert.same({}, sim:journal())
    end)

    it("tells of trouble without its details", function()
      sim:script { { status = 401 } }
      local status, body = server:get("/chat", question("Hi"), JSON)
      assert.equal(502, status)
      assert.equal("The model can't be reached at the moment.", core.decode(body).message)
      sim:script { { answer = { content = "one two three" }, cut_pieces = 3 } }
      status, body = server:get("/chat", question("Hi"), JSON)
      assert.equal(200, status)
      assert.is_truthy(body:find("event: error\n", 1, true))
      assert.is_nil(body:find("event: done", 1, true))
    end)

    it("serves nothing else of its folder", function()
      for _, path in ipairs { "/nginx.conf", "/chat.lua", "/index.html", "/html/index.html" } do
        assert.equal(404, (server:get(path)))
      end
    end)
  end)

  local page

  local function open_page()
    serve()
    page = browser.open()
  end

  local function close_page()
    page:close()
    stop_serving()
  end

  local function start(step, text)
    sim:script { step }
    page:go(url)
    page:type("#text", text or "Tell me")
    page:click("#send")
  end

  local function answered(predicate)
    return browser.wait_for(function()
      local text = page:text(ANSWER)
      return text and predicate(text) and text
    end)
  end

  describe("its page", function()
    setup(open_page)
    teardown(close_page)

    it("shows text while it streams", function()
      start { answer = { content = "one two three four five six seven" }, pace = 0.15 }
      local part = assert(answered(function(text) return text:find("two") end))
      assert.is_nil(part:find("seven"))
      assert.equal("true", page:run("return document.getElementById('talk').ariaBusy"))
      assert.equal("one two three four five six seven",
        answered(function(text) return text:find("seven") end))
      assert(browser.wait_for(function() return page:text("#send") == "Send" end))
      assert.equal("Tell me", page:text("article.user"))
    end)

    it("stops the model with Stop", function()
      start { answer = { content = ("word "):rep(500) }, pace = 0.02 }
      assert(answered(function(text) return text:find("word word") end))
      page:click("#stop")
      local since = core.now()
      assert.is_truthy(sim:wait_for(function(entries) return entries[1].client_closed end))
      assert.is_true(core.now() - since < 0.1 + wire.slack)
      assert.is_truthy(page:run("return document.querySelector('article.stopped') !== null"))
      assert.equal("Send", page:text("#send"))
    end)

    it("stops a model that is silent with Escape", function()
      start { answer = { content = "one two three" }, cut_pieces = 3, ending = "stall" }
      assert(answered(function(text) return text:find("one") end))
      page:run("document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))")
      assert.is_truthy(sim:wait_for(function(entries) return entries[1].client_closed end))
    end)

    it("stops the model when it is closed", function()
      start { answer = { content = ("word "):rep(500) }, pace = 0.02 }
      assert(answered(function(text) return text:find("word") end))
      page:go("about:blank")
      assert.is_truthy(sim:wait_for(function(entries) return entries[1].client_closed end))
    end)

    it("goes on with the conversation", function()
      start { answer = { content = "First." } }
      assert(answered(function(text) return text == "First." end))
      assert(browser.wait_for(function() return page:text("#send") == "Send" end))
      sim:script { { answer = { content = "Second." } } }
      page:type("#text", "And then?" .. ENTER)
      assert(answered(function(text) return text == "Second." end))
      assert.same({
        { role = "user", content = "Tell me" }, { role = "assistant", content = "First." },
        { role = "user", content = "And then?" },
      }, core.decode(sim:journal()[2].body).messages)
    end)

    it("shows what a model writes as text, whatever it is", function()
      start { answer = { content = "<img src=x onerror=alert(1)>\nline" } }
      assert.equal("<img src=x onerror=alert(1)>\nline",
        answered(function(text) return text:find("line") end))
    end)

    it("says what went wrong", function()
      start { status = 401 }
      assert.equal("The model can't be reached at the moment.", browser.wait_for(function()
        return page:text("article.wrong")
      end))
      assert.equal("alert", page:run("return document.querySelector('article.wrong').role"))
    end)

    it("has a name for everything, and colours for the dark", function()
      page:go(url)
      assert.equal("Your message", page:run(
        "return document.getElementById('text').labels[0].textContent"))
      assert.equal("light dark", page:run(
        "return document.querySelector('meta[name=color-scheme]').content"))
    end)

    it("has a limit for each visitor", function()
      sim:always {}
      local refused, after
      for _ = 1, 30 do
        local status, body, head = server:get("/chat", question("Hi"), JSON)
        if status == 429 then
          refused, after = core.decode(body).message, head:match("Retry%-After: (%d+)")
        end
      end
      assert.is_true(tonumber(after) >= 1)
      assert.equal("Too many questions. Try again in a minute.", refused)
    end)
  end)

  -- A server of its own, since a visitor may ask only so often.
  describe("its page, when much is said,", function()
    setup(open_page)
    teardown(close_page)

    it("follows an answer that grows, unless one has scrolled back", function()
      local lines = {}
      for number = 1, 60 do lines[number] = "This is line " .. number .. " of sixty.\n" end
      local distance = "const m = document.querySelector('main');"
        .. "return m.scrollHeight - m.clientHeight - m.scrollTop"
      start { answer = { content = table.concat(lines) }, pace = 0.004 }
      assert(answered(function(text) return text:find("line 60", 1, true) end))
      assert.is_true(page:run("return document.querySelector('main').scrollTop") > 500)
      assert.is_true(page:run(distance) < 2)
      local left = "return document.querySelector('%s').getBoundingClientRect().left"
      assert.equal(page:run(left:format("textarea")), page:run(left:format("article.assistant")))
      sim:script { { answer = { content = table.concat(lines) }, pace = 0.01 } }
      assert(browser.wait_for(function() return page:text("#send") == "Send" end))
      page:type("#text", "Again" .. ENTER)
      assert(answered(function(text) return text:find("line 9", 1, true) end))
      page:run("document.querySelector('main').scrollTop = 0")
      assert(answered(function(text) return text:find("line 60", 1, true) end))
      assert.equal(0, page:run("return document.querySelector('main').scrollTop"))
    end)

    it("has a box that grows with its text, and shrinks again", function()
      page:go(url)
      local height = "return document.getElementById('text').offsetHeight"
      local before = page:run(height)
      page:run("const t = document.getElementById('text'); t.value = 'a\\nb\\nc\\nd';"
        .. "t.dispatchEvent(new Event('input'))")
      assert.is_true(page:run(height) > before + 40)
      page:type("#text", ENTER)
      assert.equal(before, page:run(height))
      assert(browser.wait_for(function() return page:text("#send") == "Send" end))
    end)

    it("drops the oldest turns of a long conversation", function()
      local long = ("x"):rep(7000)
      start({ answer = { content = long } }, "Question 1")
      for number = 2, 8 do
        assert(browser.wait_for(function() return page:text("#send") == "Send" end))
        sim:script { { answer = { content = long } } }
        page:type("#text", ("Question %d"):format(number) .. ENTER)
      end
      assert(browser.wait_for(function() return #sim:journal() == 8 end))
      assert(browser.wait_for(function() return page:text("#send") == "Send" end))
      assert.is_nil(page:text("article.wrong"))
      local sent = core.decode(sim:journal()[8].body).messages
      assert.same({ "user", "Question 4", 9 }, { sent[1].role, sent[1].content, #sent })
      assert.equal("Question 8", sent[9].content)
    end)
  end)
end)
