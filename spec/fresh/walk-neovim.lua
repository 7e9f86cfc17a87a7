-- What a user of examples/neovim does: asks, stops an answer, takes one back. Run in Neovim by
-- spec/fresh/walk-neovim; prints what it saw, and ends Neovim with status 1 if that was wrong.
-- luacheck: globals vim

local function say(...) io.stdout:write("\n", string.format(...)) end

local function text() return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), "\n") end

local function press(keys)
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, false, true), "mx", false)
end

local function wait(what, condition)
  if not vim.wait(30000, condition, 5) then error(what .. " did not happen:\n" .. text(), 0) end
end

local function check(holds, what)
  if not holds then error(what .. ":\n" .. text(), 0) end
end

local function has(part)
  return function() return text():find(part, 1, true) ~= nil end
end

local function stopped() return vim.fn.maparg("<C-c>", "n") == "" end

local function walk()
  local since = vim.loop.hrtime()
  vim.cmd("Novita Why is the sky blue?")
  wait("an answer", has("two sentences."))
  wait("its end", stopped)
  say("answered in %.1f s: %s", (vim.loop.hrtime() - since) / 1e9, text():match("\n([^\n]+)"))

  press("u")
  check(text() == "My notes.", "one u did not take the answer back")
  say("taken back by one u")

  vim.cmd("Novita Why is the sea blue?")
  wait("a second answer", has("You asked:"))
  press("<C-c>")
  wait("the end of the second answer", stopped)
  local rest = text()
  check(not rest:find("two sentences.", 1, true), "<C-c> came too late")
  vim.wait(200)
  check(text() == rest, "it went on after <C-c>")
  say("stopped by <C-c> after: %s", rest:match("\n([^\n]+)"))
  press("u")
  check(text() == "My notes.", "one u did not take the stopped answer back")
end

local ok, problem = pcall(walk)
if ok then vim.cmd("qall!") end
say("%s", tostring(problem))
vim.cmd("cquit 1")
