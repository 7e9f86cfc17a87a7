-- The page of runs, and the webhook that starts them:
--
--   GET  /runs                  the list; ?status=paused shows a part of it
--   GET  /runs/ID               the timeline of one; /runs/ID.html the same as a file
--   POST /runs/ID/retry         queues it again, and goes back to its page
--   POST /hooks/article         queues a run, whose trigger is the JSON in the body: 202, Location
--
-- This process only reads and queues: `novita runs work flow.lua` executes. The page has no access
-- control of its own: see README.md.

local novita = require("novita") -- the first: it finds the C module of a clone

local core = require("novita.core")
local html = require("novita.workflow.html")

local FLOW = "article" -- the name in flow.lua
local STATUSES = { "queued", "running", "paused", "done", "crashed" }
local SHOWN = 100 -- runs of a list
local HOOK_TOKEN = os.getenv("HOOK_TOKEN")
local ORIGIN = os.getenv("RUNS_ORIGIN") -- behind a proxy: https://runs.example.com
local HOSTS = { ["127.0.0.1"] = true, localhost = true }
if ORIGIN then HOSTS[ORIGIN:match("^%a+://([^:/]+)")] = true end

local store -- of this worker

-- A commit does not wait for the disk: a power failure may lose the last clicks, but no result of
-- a run, which a worker has written.
local function open_store()
  local err
  store, err = novita.store(os.getenv("RUNS_STORE") or "runs.db", { synchronous = "normal" })
  return err
end

-- Answers ---------------------------------------------------------------------------------------

local function send(status, content_type, body)
  ngx.status = status
  ngx.header["Content-Type"] = content_type
  ngx.header["Content-Length"] = #body
  ngx.print(body)
  return ngx.exit(status)
end

local function refuse(status, text)
  return send(status, "text/plain; charset=utf-8", text .. "\n")
end

-- An unknown id or a trigger that can't be kept is the caller's; the details of all else are for
-- the log.
local function fail(err)
  if err.param == "id" then return refuse(404, "There is no such run.") end
  if err.param == "trigger" then return refuse(400, "The trigger is unfit: " .. err.message) end
  ngx.log(ngx.ERR, "runs: ", tostring(err))
  return refuse(503, "The store can't be reached at the moment.")
end

local HEAD = '<link rel="stylesheet" href="/runs.css">\n<script src="/live.js" defer></script>\n'

-- live.js fetches the page again as long as its main element is marked as live.
local function show(title, body, live)
  local main = html.fill('<main$live>\n$body</main>\n',
    { live = html.raw(live and ' data-live="1"' or ""), body = html.raw(body) })
  return send(200, "text/html; charset=utf-8", html.document(title, main, HEAD))
end

-- Checks ----------------------------------------------------------------------------------------

-- A foreign name may be made to point to this server: its pages would be of our origin. The name of
-- a request line counts for nginx, and that of the Host field for is_foreign: both have to be ours.
local function is_named()
  local name = (ngx.var.http_host or ""):lower():match("^[^:]*"):gsub("%.$", "")
  return HOSTS[ngx.var.host] and HOSTS[name]
end

-- A page of another site may send a form here, but its browser names that site in Origin.
local function is_foreign()
  local origin, site = ngx.var.http_origin, ngx.var.http_sec_fetch_site
  if not origin then return site ~= nil and site ~= "same-origin" and site ~= "none" end
  return origin ~= ORIGIN and origin ~= ngx.var.scheme .. "://" .. ngx.var.http_host
end

-- Compares digests, so that the time does not depend on how much of the token is right.
local function has_token()
  if not HOOK_TOKEN then return true end
  local given = (ngx.var.http_authorization or ""):match("^Bearer (.+)$") or ""
  return core.sha256(given) == core.sha256(HOOK_TOKEN)
end

-- Pages -----------------------------------------------------------------------------------------

local function filters(wanted)
  local links = { html.fill(wanted and '<a href="/runs">all</a>' or "<b>all</b>", {}) }
  for _, status in ipairs(STATUSES) do
    local template = status == wanted and "<b>$status</b>"
      or '<a href="/runs?status=$status">$status</a>'
    links[#links + 1] = html.fill(template, { status = status })
  end
  return "<nav>" .. table.concat(links, "\n") .. "</nav>\n"
end

local function is_live(record)
  return record.status == "queued" or record.status == "running"
end

local function link(record) return "/runs/" .. record.id end

local function show_list()
  local wanted
  for _, status in ipairs(STATUSES) do
    if status == ngx.var.arg_status then wanted = status end
  end
  local list, err = store:runs { status = wanted, limit = SHOWN }
  if not list then return fail(err) end
  local live = false
  for _, record in ipairs(list) do live = live or is_live(record) end
  return show("Runs", "<h1>Runs</h1>\n" .. filters(wanted) .. html.list(list, link), live)
end

local RETRY = '<form method="post" action="/runs/$id/retry"><button>Retry</button></form>\n'
local LINKS = '<nav><a href="/runs">All runs</a><a href="/runs/$id.html">Save as a file</a></nav>\n'

local function show_run(id)
  local record, err = store:run(id)
  if not record then return fail(err) end
  local stopped = record.status == "paused" or record.status == "crashed"
  local body = html.fill(LINKS, record) .. html.timeline(record)
    .. (stopped and html.fill(RETRY, record) or "")
  return show(record.flow .. " " .. record.id, body, is_live(record))
end

local function save_run(id)
  local record, err = store:run(id)
  if not record then return fail(err) end
  ngx.header["Content-Disposition"] = ('attachment; filename="run-%s.html"'):format(record.id)
  return send(200, "text/html; charset=utf-8", html.file(record))
end

-- Changes ---------------------------------------------------------------------------------------

local function retry(id)
  local record, err = store:queue_retry(id)
  if not record then return fail(err) end
  return ngx.redirect(link(record), 303)
end

local function start()
  if not has_token() then return refuse(401, "The token is missing or wrong.") end
  local media_type = (ngx.var.content_type or ""):lower():match("^[^;%s]*")
  if media_type ~= "application/json" then
    return refuse(415, "The trigger is JSON: Content-Type: application/json.")
  end
  ngx.req.read_body()
  local trigger = core.decode(ngx.req.get_body_data() or "")
  if type(trigger) ~= "table" or type(trigger.article) ~= "string" then
    return refuse(400, 'The trigger is an object with an "article", a string.')
  end
  local record, err = store:queue_run(FLOW, trigger)
  if not record then return fail(err) end
  ngx.header["Location"] = link(record)
  return send(202, "application/json", core.encode { id = record.id, status = record.status })
end

-- Routes ----------------------------------------------------------------------------------------

local ROUTES = {
  { "^/$", GET = function() return ngx.redirect("/runs", 303) end },
  { "^/runs$", GET = show_list }, { "^/runs/(%x+)$", GET = show_run },
  { "^/runs/(%x+)%.html$", GET = save_run }, { "^/runs/(%x+)/retry$", POST = retry },
  { "^/runs%.css$", GET = function() return send(200, "text/css", html.STYLE) end },
  { "^/hooks/article$", POST = start },
}

local function find_route(uri)
  for _, route in ipairs(ROUTES) do
    local id = uri:match(route[1])
    if id then return route, id end
  end
end

-- Answers a request.
return function()
  local method = ngx.req.get_method()
  if method == "HEAD" then method = "GET" end -- nginx leaves the body out
  if not is_named() or method == "POST" and is_foreign() then
    return refuse(403, "This server answers its own pages only.")
  end
  local route, id = find_route(ngx.var.uri)
  if not route then return refuse(404, "There is nothing here.") end
  if not route[method] then
    ngx.header["Allow"] = route.GET and "GET, HEAD" or "POST"
    return refuse(405, "This can't be done here.")
  end
  local err = not store and open_store()
  if err then return fail(err) end
  return route[method](id)
end
