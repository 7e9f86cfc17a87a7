---@meta novita.core
-- The types of the C module, for editors and for the reference. Nothing here is ever run.

-- What goes out ----------------------------------------------------------------------------------

--- A chat request. Numbers may be strings ("0.7"). Every other key of the API passes through as it
--- is.
---@class novita.Request
---@field model string
---@field message? string|table[] what the user says; comes after `messages`
---@field system_prompt? string comes before `messages`
---@field messages? novita.Message[]
---@field temperature? number|string 0 to 2
---@field top_p? number|string 0 to 1
---@field max_tokens? integer|string at least 1
---@field response_format? "text"|"json_object"|"json"|table { name = ..., schema = ... } is short
---  for a json_schema
---@field stream? boolean
---@field stream_options? { include_usage: boolean }|false default: include_usage, for streams;
---  false sends none
---@field tools? table[]
---@field tool_choice? string|table
---@field n? integer
---@field stop? string|string[]
---@field seed? integer
---@field [string] any

---@class novita.Message
---@field role string
---@field content? string|table[] may be missing in an assistant's message that is all tool calls
---@field tool_calls? table[]
---@field tool_call_id? string

--- What a transfer may be told; see novita.Options for the defaults. Times are in seconds, false
--- means no limit.
---@class novita.core.Options
---@field api_key? string|false
---@field base_url? string
---@field connect_timeout? number|false
---@field first_byte_timeout? number|false
---@field idle_timeout? number|false
---@field attempt_timeout? number|false
---@field deadline? number|false
---@field max_response_bytes? integer
---@field max_header_bytes? integer
---@field max_event_bytes? integer
---@field headers? table<string, string|number|false>
---@field user_agent? string
---@field proxy? string
---@field ca_file? string
---@field stream? boolean whether the body is read as a stream; a request table says it by itself

-- What comes back --------------------------------------------------------------------------------

--- What is known of a response beside its body.
---@class novita.Info
---@field status integer
---@field http_version "1.0"|"1.1"|"2"|"3"|"unknown"
---@field reused boolean whether a kept connection was used
---@field timings novita.Timings
---@field headers novita.Headers
---@field request_id? string
---@field attempts? novita.Attempt[] of a call through a client

--- Seconds since the call began, but for `queue`: how long it waited for a connection.
---@class novita.Timings
---@field queue number
---@field connect number
---@field tls number
---@field first_byte number
---@field total number

--- The headers of the final response. `headers["Retry-After"]` takes any case; repeated ones are
--- joined by ", ". `for name, value in headers() do` goes through all of them in their order.
---@class novita.Headers
---@field [string] string?
---@operator call: fun(): string?, string?

--- Why a call failed. tostring(err) is one line.
---@class novita.Error
---@field kind string config, connection, timeout, cancelled, redirect, bad_request, authentication,
---  permission, not_found, conflict, request_too_large, unprocessable, rate_limit, server,
---  api_status, api_error, stream_error, stream_truncated, invalid_response, response_too_large,
---  length_finish, content_filter_finish ...
---@field message string never empty, never the text of an answer
---@field reason? string of a connection: dns, connect, tls, reset or protocol; of a timeout:
---  connect, first_byte, idle, attempt or deadline; else the server's word
---@field phase? "connect"|"headers"|"body"|"stream" how far it had come
---@field status? integer the server's
---@field code? string|integer the server's
---@field type? string the server's
---@field param? string the field or option that is wrong
---@field request_id? string
---@field trace_id? string the server's, where it has one besides
---@field retry_after? number seconds
---@field attempts? novita.Attempt[] of a call through a client
---@field headers? novita.Headers
---@field body? string of an error answer (at most 1 MiB), or the event that can't be read
---@field host? string where a redirect points
---@field cause? { code: integer, message: string } libcurl's
---@field partial? novita.Reply what had arrived of a stream; the reply that could not be used
local error_methods = {}

--- Is it of this kind, or of a narrower one? The kinds of a status are also "api_status", a
--- "timeout" is also a "connection".
---@param kind string
---@return boolean
function error_methods:is(kind) end

--- A model as the server lists it.
---@class novita.Model
---@field id string
---@field context_size? integer
---@field max_output_tokens? integer
---@field features? string[]
---@field [string] any

-- The module -------------------------------------------------------------------------------------

---@class novita.core
---@field null lightuserdata null inside an array; an object's null member is absent instead
---@field version string
---@field built_for string the Lua that the module was built for
local core = {}

--- A chat in one call that blocks, without the Lua around it: no templates, no retry.
---@param request novita.Request|string a table, or the JSON of one
---@param options? novita.core.Options
---@return novita.Reply? reply nil on failure
---@return novita.Info|novita.Error info
function core.chat(request, options) end

--- A new set of connections.
---@return novita.Pool
function core.pool() end

--- A parser of event streams, for other people's.
---@param options? { max_event_bytes: integer } the most that one event may have; default: no limit
---@return novita.Parser
function core.sse(options) end

--- Gives a table the methods of a reply.
---@param table table
---@return novita.Reply
function core.reply(table) end

--- The JSON that is sent for a request.
---@param request novita.Request
---@return string? json
---@return novita.Error? err kind config
function core.body(request) end

--- Writes JSON, the members of objects in the order of their names.
---@param value any
---@return string? json
---@return novita.Error? err kind config: what can't be written
function core.encode(value) end

--- Reads JSON, strictly. A null member is absent, a null in an array is core.null.
---@param text string
---@return any value
---@return novita.Error? err kind invalid_response
function core.decode(text) end

--- Marks a table as an array, also when it is empty.
---@generic T: table
---@param list? T default: a new one
---@return T
function core.array(list) end

--- Makes an error value of a table with a kind.
---@param fields { kind: string, message: string }
---@return novita.Error
function core.error(fields) end

--- Monotonic seconds.
---@return number
function core.now() end

--- A number in [0, 1), fresh from the system: processes that start together differ in it.
---@return number
function core.random() end

--- What the libcurl in use can do.
---@return table
function core.features() end

--- For nginx: what rouses a light thread by a semaphore; nil where that can't be posted.
---@param semaphore table of ngx.semaphore
---@param address integer of its C side
---@param subsystem "http"|"stream"
---@return novita.Waiter?
function core.waiter(semaphore, address, subsystem) end

--- For nginx: a tie to the request at this address, which must be the one that runs.
---@param address integer
---@return novita.Tie?
function core.tie(address) end

-- Pools ------------------------------------------------------------------------------------------

--- Connections, and the transfers that use them. Nothing moves but in poll().
---@class novita.Pool
local pool = {}

--- Starts a chat; it is under way when this returns.
---@param request novita.Request|string
---@param options? novita.core.Options
---@return novita.Transfer? transfer
---@return novita.Error? err kind config
function pool:chat(request, options) end

--- Starts a request to another endpoint.
---@param request { method: string?, path: string, body: string? } the path follows the base URL,
---  the body is JSON; default method: GET
---@param options? novita.core.Options
---@return novita.Transfer? transfer
---@return novita.Error? err kind config
function pool:request(request, options) end

--- Waits until a transfer has news, at most so long; a signal ends the waiting early.
---@param seconds? number default 0
---@return integer in_flight
function pool:poll(seconds) end

--- A transfer that has news, each once, or nil.
---@return novita.Transfer?
function pool:ready() end

--- A descriptor that is readable whenever poll(0) has work, time-outs included, so that any event
--- loop can drive the pool. nil where the system has no epoll.
---@return integer?
function pool:fd() end

--- Is it open, and made by this very process? A child of fork must make its own.
---@return boolean
function pool:usable() end

--- Cancels what is in flight and closes all connections; may be called again.
function pool:close() end

--- For nginx: poll(0), and rouses the waiters whose transfers have news.
---@return integer in_flight
function pool:turn() end

--- For nginx: has it give turns whenever poll(0) has work; nil where nginx is not as expected.
---@return novita.Watch?
function pool:watch() end

--- For nginx: rings a unix socket when poll(0) has work; nil when none can be made there.
---@param directory string
---@return novita.Bell?
function pool:bell(directory) end

-- Transfers --------------------------------------------------------------------------------------

--- One exchange. One that nobody holds is stopped when it is collected.
---@class novita.Transfer
local transfer = {}

--- The answer; the transfer is closed by it. No value at all while it is under way.
---@return novita.Reply? reply for pool:request, the decoded body
---@return novita.Info|novita.Error|nil info
function transfer:reply() end

--- The next chunk of a stream; nil when there is none yet. At the end, by which the transfer is
--- closed: false, nil, info, or false, an error, and of a stream that just stops also the info.
---@return table|false|nil chunk
---@return novita.Error? err
---@return novita.Info? info
function transfer:next() end

--- What is known beside the body: nil until the headers are here, false if they never came.
---@return novita.Info|false|nil
function transfer:info() end

--- Stops at once; reply() and next() then give an error of kind cancelled.
function transfer:cancel() end

--- Stops it if it is under way, and lets go of all; may be called again.
function transfer:close() end

-- Event streams ----------------------------------------------------------------------------------

---@class novita.Parser
local parser = {}

--- More of the stream.
---@param bytes string
function parser:feed(bytes) end

--- The next event, or nil when there is none yet.
---@return string? type "message" if the stream names none
---@return string|novita.Error|nil data an error if an event is larger than max_event_bytes
---@return string? id the last one the stream has named, "" if none
function parser:next() end

-- Nginx -------------------------------------------------------------------------------------------

--- Rouses a light thread by a semaphore, which is posted once until the waiter has settled.
---@class novita.Waiter
local waiter = {}

--- News of this transfer rouse it, once, and of no other; nil: nobody's do.
---@param transfer novita.Transfer?
function waiter:expect(transfer) end -- luacheck: ignore 431

--- Posts the semaphore, unless that is done.
function waiter:rouse() end

--- Was it roused, and has not settled since?
---@return boolean
function waiter:roused() end

--- Was it roused? Then it can be again, and expects nobody's news any more.
---@return boolean
function waiter:settle() end

---@class novita.Watch
local watch = {}

--- Was there work since it was last asked?
---@return boolean
function watch:rang() end

--- Has nginx watch no longer; may be called again.
function watch:close() end

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

--- Was there work since it was last asked?
---@return boolean
function bell:rang() end

--- Lets go of its thread and its socket; may be called again.
function bell:close() end

---@class novita.Tie
local tie = {}

--- The transfer ends with the request; or false: that has ended.
---@param transfer novita.Transfer
---@return boolean
function tie:hold(transfer) end -- luacheck: ignore 431

return core
