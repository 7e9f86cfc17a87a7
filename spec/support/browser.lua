-- A real browser: Debian's chromium without a window, driven by chromedriver over WebDriver.
--
--   local page = browser.open()
--   page:go(url)
--   page:type("#text", "Hi")
--   page:click("#send")
--   local value = page:run("return document.title")
--   page:close()

local socket = require("socket")

local core = require("novita.core")
local files = require("spec.support.files")
local machine = require("spec.support.machine")
local native = require("spec.support.native")

local SECONDS = 20
local ANSWER_SECONDS = 90 -- the first start of a browser may take its time on a busy machine
local POLL_SECONDS = 0.02
local ELEMENT = "element-6066-11e4-a52e-4f735466cecf" -- WebDriver's name for one

local ARGUMENTS = core.array {
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--window-size=900,700",
}

local browser = {}

local methods = {}
local mt = { __name = "browser", __index = methods }

local function exchange(self, method, path, value)
  local connection = assert(socket.connect("127.0.0.1", self.port))
  connection:settimeout(ANSWER_SECONDS)
  local body = value and core.encode(value) or ""
  connection:send(("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    .. "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s")
    :format(method, path, #body, body))
  local length
  repeat
    local line = assert(connection:receive("*l"))
    length = line:lower():match("^content%-length:%s*(%d+)") or length
  until line == ""
  local text = assert(connection:receive(tonumber(length)))
  connection:close()
  local answer = assert(core.decode(text)).value
  if type(answer) == "table" and answer.error then
    error("browser: " .. answer.error .. ": " .. tostring(answer.message), 0)
  end
  return answer
end

local function ask(self, method, path, value)
  return exchange(self, method, "/session/" .. self.session .. path, value)
end

--- Starts a browser with a profile of its own.
function browser.open()
  if not (machine.found("chromium") and machine.found("chromedriver")) then
    error("needs chromium and chromedriver (Debian: chromium chromium-driver)", 2)
  end
  local self = setmetatable({ directory = files.folder(), port = machine.free_port() }, mt)
  files.write(self.directory .. "/log", "")
  self.pid = native.spawn({ "env", "TMPDIR=" .. self.directory, "chromedriver",
    "--port=" .. self.port }, self.directory .. "/log")
  local arguments = core.array {}
  for index, argument in ipairs(ARGUMENTS) do arguments[index] = argument end
  arguments[#arguments + 1] = "--user-data-dir=" .. self.directory .. "/profile"
  browser.wait_for(function() return pcall(exchange, self, "GET", "/status") end)
  local ok, made = pcall(exchange, self, "POST", "/session", {
    capabilities = { alwaysMatch = { ["goog:chromeOptions"] = { args = arguments } } },
  })
  if not ok then
    self:close()
    error(made, 2)
  end
  self.session = made.sessionId
  return self
end

--- Polls until fn() gives something true, and returns that; nil after some seconds.
function browser.wait_for(fn)
  local till = socket.gettime() + SECONDS
  while socket.gettime() < till do
    local value = fn()
    if value then return value end
    socket.sleep(POLL_SECONDS)
  end
end

function methods:go(url)
  ask(self, "POST", "/url", { url = url })
end

--- Runs JavaScript and returns what it returns.
function methods:run(script)
  return ask(self, "POST", "/execute/sync", { script = script, args = core.array {} })
end

local function element(self, selector)
  return ask(self, "POST", "/element", { using = "css selector", value = selector })[ELEMENT]
end

function methods:click(selector)
  ask(self, "POST", "/element/" .. element(self, selector) .. "/click", {})
end

function methods:type(selector, text)
  ask(self, "POST", "/element/" .. element(self, selector) .. "/value", { text = text })
end

--- The text of an element as a person sees it, or nil when it is not there.
function methods:text(selector)
  local ok, id = pcall(element, self, selector)
  return ok and ask(self, "GET", "/element/" .. id .. "/text") or nil
end

function methods:close()
  pcall(ask, self, "DELETE", "")
  native.kill(self.pid, "TERM")
  native.wait(self.pid)
  os.execute("rm -rf " .. self.directory)
end

return browser
