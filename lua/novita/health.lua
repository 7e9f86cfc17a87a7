--- :checkhealth novita

local vim = rawget(_G, "vim")

local health = {}

-- Neovim's reports: they have had three names.
local function report(kind, ...)
  local module = vim.health or {}
  local fn = module[kind] or module["report_" .. kind] or vim.fn["health#report_" .. kind]
  fn(...)
end

local BUILD = { "In the folder of the plugin run: make LUA=luajit",
  "Plugin managers can do so: build = \"make LUA=luajit\"" }

-- The C module, or nil.
local function check_module()
  require("novita.loader")
  local ok, core = pcall(require, "novita.core")
  if not ok then
    report("error", tostring(core), BUILD)
    return nil
  end
  report("ok", ("novita %s, built for %s"):format(core.version, core.built_for))
  return core
end

local function check_feature(present, good, bad, advice)
  if present then report("ok", good) else report("warn", bad, { advice }) end
end

local function check_certificates(features)
  local path = features.ca_file
  if path and vim.fn.filereadable(path) == 1 then
    report("ok", "certificates: " .. path)
  elseif features.ca_path and vim.fn.isdirectory(features.ca_path) == 1 then
    report("ok", "certificates: " .. features.ca_path)
  else
    report("error", "no CA certificates were found: https will fail",
      { "Install your system's package ca-certificates, or set the option ca_file" })
  end
end

local function check_libcurl(features)
  report("ok", ("libcurl %s, %s"):format(features.libcurl, features.tls or "without TLS"))
  check_feature(features.asynch_dns, "names are resolved asynchronously (AsynchDNS)",
    "libcurl resolves names synchronously: Neovim blocks meanwhile",
    "Use a libcurl with AsynchDNS")
  check_feature(features.http2, "HTTP/2: many streams on one connection",
    "no HTTP/2: a connection for each stream", "Use a libcurl with HTTP2")
  check_feature(features.descriptor, "calls don't block (epoll)",
    "this system has no epoll: calls can only block", "novita.start needs Linux")
  check_certificates(features)
end

local function check_json()
  local ok = pcall(require, "cjson")
  report("ok", "JSON is read with " .. (ok and "lua-cjson" or "vim.json"))
end

local function check_account()
  if (vim.env.NOVITA_API_KEY or "") ~= "" then
    report("ok", "NOVITA_API_KEY is set")
  else
    report("warn", "NOVITA_API_KEY is not set",
      { "Set it before Neovim starts, or give api_key to novita.new" })
  end
  local url = vim.env.NOVITA_BASE_URL
  if not url then return end
  report("info", "NOVITA_BASE_URL is " .. url:gsub("//[^/]*@", "//***@"):gsub("[?#].*", "?***"))
end

--- Writes the report.
function health.check()
  report("start", "novita: the module")
  local core = check_module()
  if core then
    report("start", "novita: requirements")
    check_libcurl(core.features())
    check_json()
  end
  report("start", "novita: the account")
  check_account()
end

return health
