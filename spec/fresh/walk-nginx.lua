-- What a visitor of examples/openresty sees: the page, a question, and an answer that grows. Run by
-- spec/fresh/walk-nginx; prints what it saw, and raises if that was wrong.

require("novita.loader")

local socket = require("socket")

local browser = require("spec.support.browser")

local HOST, PORT = "127.0.0.1", 8080
local ANSWER = "article.assistant:last-of-type"

local function listening()
  local connection = socket.connect(HOST, PORT)
  if connection then connection:close() end
  return connection ~= nil
end

-- Reads the answer until the page can send again. Returns it, and how many lengths it had.
local function watch(page)
  local seen, count, text = {}, 0, ""
  local ended = browser.wait_for(function()
    text = page:text(ANSWER) or ""
    if text ~= "" and not seen[#text] then seen[#text], count = true, count + 1 end
    return text ~= "" and page:text("#send") == "Send"
  end)
  return ended and page:text(ANSWER), count, text
end

assert(browser.wait_for(listening), "nginx does not listen")
local page = browser.open()
page:go(("http://%s:%d/"):format(HOST, PORT))
page:type("#text", "Why is the sky blue?")
page:click("#send")
local since = socket.gettime()
local answer, lengths, rest = watch(page)
local wrong = page:text("article.wrong")
page:close()

assert(not wrong, wrong)
assert(answer, "the answer did not end: " .. rest)
assert(answer:find("two sentences", 1, true), answer)
assert(lengths >= 5, ("it came in %d pieces only"):format(lengths))
print(("answered in %.1f s, and was seen to grow %d times: %s"):format(socket.gettime() - since,
  lengths, answer))
