---@meta novita.core
--- Types of the C module. Nothing here runs.

local core = {}

--- What stands for null inside an array; an object's null member is absent.
---@type lightuserdata
core.null = nil

---@type string
core.version = nil

--- Which Lua the module was built for.
---@type string
core.built_for = nil

---@class novita.Headers of a response; headers[name] in any case, repeated values joined by ", "
---@operator call: fun(): string?, string?  for name, value in headers() do

---@class novita.Info
---@field status integer
---@field http_version "1.0"|"1.1"|"2"|"3"
---@field reused boolean did it use a kept connection?
---@field headers novita.Headers
---@field request_id? string
---@field timings { queue: number, connect: number, tls: number, first_byte: number, total: number }
---  seconds
---@field attempts? novita.Attempt[]

---@class novita.Error
---@field kind string of the closed list in the README
---@field message string
---@field reason? string the server's word, or which connection failure or time-out
---@field status? integer
---@field code? string|integer
---@field type? string
---@field param? string the field of the request, or the option
---@field request_id? string
---@field trace_id? string
---@field retry_after? number seconds
---@field phase? "connect"|"headers"|"body"|"stream"
---@field cause? { code: integer, message: string } libcurl's
---@field headers? novita.Headers
---@field body? string of an answer that is an error, at most 1 MiB
---@field partial? novita.Reply what had arrived of a stream
---@field attempts? novita.Attempt[]
local err = {}

--- Is it of this kind, or of a narrower one? "api_status" is any status; a timeout is a connection.
---@param kind string
---@return boolean
function err:is(kind) end

--- Blocking: the whole call in C.
---@param request novita.Request|string a table, or the JSON made of one by body()
---@param options? table base_url, api_key, connect_timeout, ...
---@return novita.Reply?, novita.Info|novita.Error
function core.chat(request, options) end

--- Connections, and the transfers that use them.
---@return novita.Pool
function core.pool() end

--- The JSON that is sent for a request.
---@param request novita.Request
---@return string?, novita.Error?
function core.body(request) end

---@param value any
---@return string? json, novita.Error? err names the place in the value
function core.encode(value) end

---@param text string
---@return any value, novita.Error? err
function core.decode(text) end

--- Marks a table as an array, also when it is empty.
---@param list? table
---@return table list
function core.array(list) end

--- Makes an error value of a table with a kind.
---@param fields table
---@return novita.Error
function core.error(fields) end

--- Gives a table the methods of a reply.
---@param reply table
---@return novita.Reply
function core.reply(reply) end

--- Monotonic seconds.
---@return number
function core.now() end

--- A number in [0, 1), fresh from the system.
---@return number
function core.random() end

--- What the libcurl in use can do.
---@return table
function core.features() end

--- The event-stream parser alone.
---@param options? { max_event_bytes?: integer }
---@return novita.Parser
function core.sse(options) end

---@class novita.Parser
local parser = {}

--- More bytes of the stream.
---@param bytes string
function parser:feed(bytes) end

--- The next event; nil when there is none yet, with an error when one is too large.
---@return string? type, string? data, string? id
function parser:next() end

---@class novita.Pool
local pool = {}

--- Starts a chat; it is under way when this returns.
---@param request novita.Request|string
---@param options? table
---@return novita.Transfer?, novita.Error?
function pool:chat(request, options) end

--- Starts a request of any other endpoint.
---@param request { method?: string, path: string, body?: string }
---@param options? table
---@return novita.Transfer?, novita.Error?
function pool:request(request, options) end

--- Waits until a transfer has news, at most so long (default 0).
---@param seconds? number
---@return integer in_flight
function pool:poll(seconds) end

--- A transfer that has news, each once, or nil.
---@return novita.Transfer?
function pool:ready() end

--- A descriptor that is readable whenever poll(0) has work; nil without epoll.
---@return integer?
function pool:fd() end

--- Is it open, and made by this very process?
---@return boolean
function pool:usable() end

--- Cancels what is in flight and closes the connections.
function pool:close() end

--- For nginx: rings a unix socket when poll(0) has work; nil when none can be made there.
---@param directory string
---@return novita.Bell?
function pool:bell(directory) end

---@class novita.Bell
local bell = {}

--- Where to connect to, before start().
---@return string
function bell:path() end

--- Does it ring now? After false it is closed.
---@return boolean
function bell:start() end

--- It rings once more when there is work.
function bell:rearm() end

function bell:close() end

--- For nginx: a tie to the request at this address, which must be the one that runs.
---@param address integer
---@return novita.Tie?
function core.tie(address) end

---@class novita.Tie
local tie = {}

--- The transfer ends with the request; or false: that has ended.
---@param transfer novita.Transfer
---@return boolean
function tie:hold(transfer) end -- luacheck: ignore

---@class novita.Transfer
local transfer = {}

--- The result; nothing while it runs. The transfer is closed by it.
---@return novita.Reply?, (novita.Info|novita.Error)?
function transfer:reply() end

--- Of a stream: a chunk; nil, nothing yet; false, nil and the info at the end; false and an error.
---@return table|false|nil chunk, novita.Error? err, novita.Info? info
function transfer:next() end

--- What is known beside the body; nil before the headers, false when it ended without any.
---@return novita.Info|false|nil
function transfer:info() end

--- Stops at once.
function transfer:cancel() end

--- Stops at once and lets go of everything.
function transfer:close() end

return core
