-- Each check of the style fails where it should: on a small tree that breaks its rule, and not on
-- one that keeps it.

local ROOT = "build/style"

local function write(path, text)
  os.execute(("mkdir -p '%s/%s'"):format(ROOT, path:match("^(.*)/")))
  local file = assert(io.open(ROOT .. "/" .. path, "wb"))
  file:write(text)
  file:close()
end

-- Compiles what is in src, as make does.
local function compile()
  os.execute(([[cd '%s' && for source in src/*/*.c; do object=build/5.4/${source#src/}
    mkdir -p "${object%%/*}" && cc -w -c -o "${object%%.c}.o" "$source"; done]]):format(ROOT))
end

local function problems(name)
  return table.concat(require("spec.style." .. name)(ROOT), "\n")
end

local function assert_says(name, text)
  local said = problems(name)
  assert.is_truthy(said:find(text, 1, true), said)
end

before_each(function()
  os.execute(("rm -rf '%s' && mkdir -p '%s/src' '%s/lua'"):format(ROOT, ROOT, ROOT))
  write("src/bytes/bytes.h", "int nv_low (void);\n")
  write("src/bytes/low.c", '#include "bytes.h"\n\nint nv_low (void) {\n  return 1;\n}\n')
  write("src/http/http.h", '#include "../bytes/bytes.h"\nint nv_high (void);\n')
  write("src/http/high.c", '#include "http.h"\n\nint nv_high (void) {\n  return nv_low();\n}\n')
  write("lua/novita/limit/init.lua", "return {}\n")
  write("lua/novita/call/init.lua", 'local limit = require("novita.limit")\nreturn limit\n')
end)

teardown(function() os.execute("rm -rf " .. ROOT) end)

describe("the check of layers", function()
  it("passes a tree in which all goes down", function()
    compile()
    assert.are.equal("", problems("layers"))
  end)

  it("finds an include that goes up, and of a library that is another folder's", function()
    write("src/bytes/up.c", '#include "../http/http.h"\n#include <curl/curl.h>\n')
    assert_says("layers", "src/bytes/up.c: includes ../http/http.h, which is not below src/bytes")
    assert_says("layers", "src/bytes/up.c: includes curl/curl.h, which is not for this folder")
  end)

  it("finds a call that goes up by a declaration of its own", function()
    write("src/bytes/up.c", "int nv_high (void);\nint nv_up (void) {\n  return nv_high();\n}\n")
    compile()
    assert_says("layers", "src/bytes/up.c: calls src/http/high.c, which is not below it: nv_high")
  end)

  it("finds a circle of C files in one folder", function()
    local code = "int nv_%s (void);\nint nv_%s (void) {\n  return nv_%s();\n}\n"
    write("src/http/other.c", code:format("high", "other", "high"))
    write("src/http/high.c", code:format("other", "high", "other"))
    compile()
    assert_says("layers", "http/high -> http/other: nv_other")
  end)

  it("finds a folder without a place", function()
    write("src/misc/any.c", "int nv_any (void) {\n  return 1;\n}\n")
    write("lua/novita/misc/any.lua", "return {}\n")
    assert_says("layers", "src/misc/any.c: its folder has no place")
    assert_says("layers", "lua/novita/misc/any.lua: its folder has no place")
  end)

  it("finds a require that goes up, inside a function too", function()
    write("lua/novita/limit/init.lua", 'return function() return require("novita.call") end\n')
    assert_says("layers", "lua/novita/limit/init.lua: requires novita.call, which is above it")
    assert_says("layers", "Lua files require each other in a circle")
  end)

  it("does not pass without objects", function()
    assert_says("layers", "build the module first")
  end)
end)

describe("the check of names", function()
  it("finds a static name of two files, a function's or that of data", function()
    local code = "static int get (void) {\n  return 1;\n}\n\nstatic int table[] = {1};\n"
    write("src/bytes/one.c", code)
    write("src/http/two.c", code)
    assert_says("names", "src/http/two.c:1: get is at src/bytes/one.c:1 too")
    assert_says("names", "src/http/two.c:5: table is at src/bytes/one.c:5 too")
  end)

  it("passes names that differ", function()
    assert.are.equal("", problems("names"))
  end)
end)

describe("the check of sizes", function()
  it("passes files and functions at the limits", function()
    write("src/bytes/low.c", "int nv_low (void) {\n" .. ("  ;\n"):rep(38) .. "}\n")
    write("lua/novita/call/init.lua", "local function f()\n" .. ("  g()\n"):rep(38) .. "end\n"
      .. ("f()\n"):rep(260))
    assert.are.equal("", problems("sizes"))
  end)

  it("finds a long file", function()
    write("src/bytes/low.c", ("\n"):rep(401))
    write("lua/novita/call/init.lua", ("\n"):rep(301))
    assert_says("sizes", "src/bytes/low.c: 401 lines, more than 400")
    assert_says("sizes", "lua/novita/call/init.lua: 301 lines, more than 300")
  end)

  it("finds a long function, whatever its strings and comments have in them", function()
    write("src/bytes/low.c", "int nv_low (void) {\n" .. ("  ;\n"):rep(39) .. "}\n")
    write("lua/novita/call/init.lua", "local function f()\n  -- end\n  local s = 'end'\n"
      .. ("  if s then g() end\n"):rep(37) .. "end\n")
    assert_says("sizes", "src/bytes/low.c:1: a function of 41 lines")
    assert_says("sizes", "lua/novita/call/init.lua:1: a function of 41 lines")
  end)

  it("finds a long line of C, whose tabs are of 8 columns", function()
    write("src/bytes/low.c", "\t" .. ("x"):rep(71) .. "\n/*\t" .. ("x"):rep(72) .. "*/\n")
    assert.are.equal("src/bytes/low.c:2: a line of 82 columns, more than 79", problems("sizes"))
  end)
end)

describe("the check of mirrors", function()
  before_each(function()
    write("spec/bytes/low_spec.lua", "-- A spec.\n-- Covers: lua/novita/limit/init.lua\n")
    write("spec/http/high_topic_spec.lua", "-- Covers: lua/novita/call/init.lua\n")
  end)

  it("passes a spec of the same path, one of a topic, and one that names what it covers", function()
    assert.are.equal("", problems("mirror"))
  end)

  it("finds a source without a spec", function()
    write("src/http/high_topic.c", "") -- the spec of the topic is its own
    assert_says("mirror", "src/http/high.c: no spec: write spec/http/high_spec.lua")
  end)

  it("finds a spec that covers what does not exist", function()
    write("spec/bytes/low_spec.lua", "-- Covers: src/bytes/gone.c\n")
    assert_says("mirror", "spec/bytes/low_spec.lua: covers src/bytes/gone.c, which does not exist")
  end)
end)

describe("the check of words", function()
  it("finds a word that has a standard one, in comments, names and pages", function()
    write("src/bytes/low.c", "/* rings a bell */\nint nv_rouse_all (void);\n")
    write("doc/page.md", "Each verdict is one.\n")
    assert_says("words", 'src/bytes/low.c:1: "bell": say "notifier"')
    assert_says("words", 'src/bytes/low.c:2: "rouse": say "wake"')
    assert_says("words", 'doc/page.md:1: "verdict": say "transfer_reply"')
  end)

  it("finds a phrase that has a plain one", function()
    write("lua/novita/call/init.lua", "-- The caller is told of it.\n")
    write("doc/page.md", "A call is under way.\n")
    assert_says("words", 'lua/novita/call/init.lua:1: "is told": say "receives"')
    assert_says("words", 'doc/page.md:1: "under way": say "in flight"')
  end)

  it("finds a comment without a subject", function()
    write("lua/novita/call/init.lua", "--- What is sent.\n-- Returns what is sent.\n")
    write("src/bytes/low.c", "/*\n** Why it fails.\n*/\n")
    assert_says("words", "lua/novita/call/init.lua:1: begin the comment with a verb or a noun")
    assert_says("words", "src/bytes/low.c:2: begin the comment with a verb or a noun")
    assert.is_nil(problems("words"):find("init.lua:2", 1, true))
  end)

  it("passes words that only begin alike", function()
    write("src/bytes/low.c", "/* an announcement, bellow, strings; thunder wayside */\n")
    assert.are.equal("", problems("words"))
  end)
end)
