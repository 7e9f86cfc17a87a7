-- novita as a plugin: found where it was built, loaded when needed, at peace with the editor's
-- JSON, and explained by :checkhealth and :help.
-- Covers: lua/novita/health.lua

local editor = require("spec.support.editor")
local files = require("spec.support.files")
local simulator = require("spec.support.simulator_client")

local quote = editor.quote

local sim

setup(function() sim = simulator.shared() end)
before_each(function() sim:reset() end)

local function sh(command)
  local pipe = assert(io.popen(command .. " 2>&1; echo \" $?\""))
  local text = pipe:read("*a")
  pipe:close()
  local output, status = text:match("^(.*) (%d+)\n$")
  if status ~= "0" then error(output, 2) end
  return output
end

-- A folder with what git has of us, as a plugin manager clones it, but for the specs.
local function clone(folder)
  sh(("mkdir -p %s && cp -r Makefile src lua doc %s && mkdir %s/spec && cp spec/*.mk %s/spec && "
    .. "rm -f %s/lua/novita/core*.so"):format(quote(folder), quote(folder), quote(folder),
    quote(folder), quote(folder)))
  return folder
end

describe("as a plugin", function()
  local WHY = "require('novita') return select(2, pcall(require, 'novita.core'))"
  local home

  setup(function() home = files.folder() end)

  it("says in one sentence that it is not built, then is, by `make LUA=luajit`", function()
    local plugin = clone(home .. "/data/nvim/site/pack/plugins/start/novita")
    local options = { rtp = { plugin }, cpath = "./none.so" }
    local said = editor.run(WHY, options)
    assert.are.equal(("novita: the C module is not built for LuaJIT; run: make LUA=luajit "
      .. "in %s/"):format(plugin), said)
    sh("make -C " .. quote(plugin) .. " LUA=luajit")
    assert.are.equal("Hello there", editor.run("return client():chat(request()):text()", options))
  end)

  it("is found in Neovim's own folder of plugins, whatever the cpath", function()
    local plugin = home .. "/data/nvim/site/pack/plugins/start/novita"
    local data_home = "XDG_DATA_HOME=" .. quote(home .. "/data")
    local got = editor.run([[
      return { client():chat(request()):text(), debug.getinfo(require("novita").new, "S").source }
    ]], { rtp = {}, flags = "", cpath = "/nowhere/?.so", environment = data_home })
    assert.are.equal("Hello there", got[1])
    assert.is_truthy(got[2]:find(plugin, 1, true), got[2])
  end)

  it("does not mind a module for another Lua on the cpath", function()
    local plugin = home .. "/data/nvim/site/pack/plugins/start/novita"
    local got = editor.run("return client():chat(request()):text()",
      { rtp = { plugin }, cpath = editor.root .. "/build/5.4/?.so" })
    assert.are.equal("Hello there", got)
  end)

  it("says which Lua a module was built for, if there is no other", function()
    local plugin = clone(home .. "/wrong")
    sh("cp build/5.4/novita/core.so " .. quote(plugin) .. "/lua/novita/core-luajit.so")
    local options = { rtp = { plugin }, cpath = "./none.so" }
    local said = editor.run(WHY, options)
    assert.is_truthy(said:match("^novita: .*core%-luajit.so was built for Lua 5.4, and this is "
      .. "LuaJIT; build it again with: make LUA=luajit$"), said)
    local _, output = editor.run("vim.cmd('checkhealth novita') vim.cmd('%print')", options)
    assert.is_truthy(output:find("ERROR:? novita: .*built for Lua 5.4"), output)
    assert.is_truthy(output:find("run: make LUA=luajit", 1, true), output)
  end)

  it("tells a call in the background that the module is missing", function()
    local plugin = clone(home .. "/missing")
    local got = editor.run([[
      local _, err = require("novita").start({ model = "m", message = "x" }, {})
      return err.message
    ]], { rtp = { plugin }, cpath = "./none.so" })
    assert.is_truthy(got:find("the C module is not built for LuaJIT", 1, true), got)
  end)
end)

it("loads nothing but tables before the first call", function()
  local got = editor.run [[
    local before = vim.fn.readfile("/proc/self/maps")
    local novita = require("novita")
    local names = {}
    for name in pairs(package.loaded) do
      if name:find("^novita") then names[#names + 1] = name end
    end
    table.sort(names)
    local curl = 0
    for _, line in ipairs(vim.fn.readfile("/proc/self/maps")) do
      if line:find("curl", 1, true) then curl = curl + 1 end
    end
    return { names = names, curl = curl, kind = type(novita) }
  ]]
  local names = { "novita", "novita.api", "novita.compat", "novita.loader", "novita.misuse" }
  assert.are.same({ names = names, curl = 0, kind = "table" }, got)
end)

describe("JSON", function()
  local NO_CJSON = "package.preload.cjson = function() error('no lua-cjson here') end "

  for _, way in ipairs { { "lua-cjson", "" }, { "vim.json", NO_CJSON } } do
    describe("with " .. way[1], function()
      local function run(code) return editor.run(way[2] .. code) end

      it("null never leaks, either way", function()
        sim:script { { answer = { message = { note = sim.null }, extra = {
          list = { 1, simulator.null, 3 }, gone = simulator.null, none = {} } } } }
        local got = run [[
          local novita = require("novita")
          local reply = assert(client():chat(request { tools = vim.empty_dict(), stop = {},
            metadata = { a = vim.NIL, b = { vim.NIL, novita.null }, c = vim.empty_dict() } }))
          return { gone = reply.gone == nil, held = reply.list[2] == novita.null,
            foreign = reply.list[2] == vim.NIL, third = reply.list[3],
            ours = getmetatable(reply.none) ~= getmetatable(vim.empty_dict()),
            encoded = pcall(vim.json.encode, reply.choices) }
        ]]
        assert.are.same({ gone = true, held = true, foreign = false, third = 3, ours = true,
          encoded = true }, got)
        local body = sim:journal()[1].body
        assert.is_truthy(body:find('"metadata":{"a":null,"b":[null,null],"c":{}}', 1, true), body)
        assert.is_truthy(body:find('"stop":[]', 1, true), body)
      end)

      it("is strict, and leaves the editor's decoder as it was", function()
        local got = run [[
          local core = require("novita.core")
          local refused = {}
          for _, text in ipairs { "[0x10]", "[nan]", "[01]", "[1.]", "[1,]", "{'a':1}", "[1] x",
            "" } do
            if core.decode(text) == nil then refused[#refused + 1] = text end
          end
          return { #refused, vim.json.decode("[0x10]")[1], core.decode('{"a":1.5}').a,
            core.decode('{"a":[]}').a ~= nil }
        ]]
        assert.are.same({ 8, 16, 1.5, true }, got)
      end)

      it("streams", function()
        sim:always { pace = 0.001 }
        assert.are.equal("a b c d", run [[
          local parts = {}
          for text in client():stream(request { message = "a b c d" }):text() do
            table.insert(parts, text)
          end
          return table.concat(parts)
        ]])
      end)
    end)
  end

  it("needs no more of vim.json than decode", function()
    assert.are.same({ 1, true }, editor.run(NO_CJSON .. [[
      local decode = vim.json.decode
      vim.json = { decode = decode, encode = vim.json.encode }
      local value = require("novita") and require("novita.core").decode('{"a":1,"b":null}')
      return { value.a, value.b == nil }
    ]]))
  end)
end)

describe(":checkhealth novita", function()
  it("tells of the module, libcurl, certificates and the key, and never shows that", function()
    local _, output = editor.run("vim.cmd('checkhealth novita') vim.cmd('%print')",
      { environment = "NOVITA_API_KEY=sk_very_secret NOVITA_BASE_URL='http://host/v1?key=secret'" })
    for _, text in ipairs { "novita 0.1.0, built for Lua 5.1 or LuaJIT", "libcurl ", "AsynchDNS",
      "HTTP/2", "certificates: /", "JSON is read with", "NOVITA_API_KEY is set" } do
      assert.is_truthy(output:find(text, 1, true), text .. "\n" .. output)
    end
    assert.is_nil(output:find("secret", 1, true))
    assert.is_nil(output:find("ERROR", 1, true))
  end)

  it("warns without a key", function()
    local _, output = editor.run("vim.cmd('checkhealth novita') vim.cmd('%print')")
    assert.is_truthy(output:find("WARNING:? NOVITA_API_KEY is not set"), output)
  end)
end)

describe(":help novita", function()
  local tags

  setup(function()
    local folder = files.folder()
    sh("cp doc/novita.txt " .. quote(folder))
    editor.run(("vim.cmd(%q)"):format("helptags " .. folder))
    tags = files.read(folder .. "/tags")
  end)

  local function has_tag(tag)
    return ("\n" .. tags):find("\n" .. tag .. "\t", 1, true) ~= nil
  end

  it("has a tag for each public name", function()
    local names = editor.run [[
      local novita, list = require("novita"), {}
      local function add(prefix, methods, suffix)
        for name, value in pairs(methods) do
          if type(value) == "function" then list[#list + 1] = prefix .. name .. suffix end
        end
      end
      local function methods_of(object) return getmetatable(object).__index end
      add("novita.", novita, "()")
      add("novita-client:", methods_of(novita.new()), "()")
      add("novita-task:", methods_of(novita.spawn(function() end)), "()")
      add("novita-reply:", methods_of(client():chat(request())), "()")
      add("novita-stream:", methods_of(client():stream(request())), "()")
      add("novita-handle:", methods_of(client():start(request(), {})), "()")
      return list
    ]]
    assert.is_true(#names > 25, #names)
    for _, name in ipairs(names) do assert.is_true(has_tag(name), "no tag *" .. name .. "*") end
    for _, name in ipairs { "novita", "novita.txt", "novita.null", "novita.array()" } do
      assert.is_true(has_tag(name), name)
    end
  end)

  it("has no link to nowhere", function()
    local text = files.read("doc/novita.txt")
    for link in text:gmatch("|(novita[^|%s]*)|") do assert.is_true(has_tag(link), link) end
  end)
end)
