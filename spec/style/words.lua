--- The words of the code are those of HTTP, libcurl, nginx and schedulers. What once had a name of
--- its own here does not get it back, in a comment, in a page or as a part of a name.

local tree = require("spec.style.tree")

local SAY = {
  announce = "mark_ready", bell = "notifier", bells = "notifiers", cooldown = "throttle",
  doze = "sleep_turn", envelope = "error_body", equip = "init_semaphore", hurry = "update_deadline",
  hush = "clear_wake", hushed = "cleared", mortal = "killable", nap = "wait_semaphore",
  ordinary = "regular", rings = "lists", rouse = "wake", roused = "woken", rouses = "wakes",
  verdict = "transfer_reply",
  anew = "again", blame = "record_error", dice = "random numbers", mend = "correct",
  mends = "corrects", nobody = "no caller, no thread", somebody = "a caller, a thread",
}

-- Phrases in place of a verb or an adjective that is usual.
local PHRASES = {
  ["are told"] = "receive", ["be told"] = "receive", ["is told"] = "receives",
  ["lets go of"] = "releases", ["of no use"] = "unusable", ["on its way"] = "in flight",
  ["says something"] = "is not empty", ["under way"] = "in flight", ["want of"] = "lack of",
  ["who waits"] = "the waiting task", ["told of"] = "receives", ["was told"] = "received",
}

-- A comment that begins with a question word has no subject.
local function is_headless(path, line)
  if path:find("%.lua$") then return line:find("^%s*%-%-%-? Wh[aoy]t? ") end
  return path:find("%.[ch]$") and line:find("^%*%* Wh[aoy]t? ")
end

local function check_line(place, line, problems)
  for word in line:gmatch("%a+") do
    if SAY[word] then
      problems[#problems + 1] = ('%s: "%s": say "%s"'):format(place, word, SAY[word])
    end
  end
  for phrase, better in pairs(PHRASES) do
    if line:find("%f[%a]" .. phrase .. "%f[%A]") then
      problems[#problems + 1] = ('%s: "%s": say "%s"'):format(place, phrase, better)
    end
  end
end

return function(root)
  local problems = {}
  for _, path in ipairs(tree.files(root, "src lua doc examples README.md", "%.%a+$")) do
    if path:find("%.[ch]$") or path:find("%.lua$") or path:find("%.md$") or path:find("%.txt$") then
      for number, line in ipairs(tree.lines(root, path)) do
        local place = path .. ":" .. number
        check_line(place, line:lower(), problems)
        if is_headless(path, line) then
          problems[#problems + 1] = place .. ": begin the comment with a verb or a noun"
        end
      end
    end
  end
  return problems
end
