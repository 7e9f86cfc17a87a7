---@meta novita.core
-- The functions of the C module, for editors and for the reference. Nothing here is ever run.

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
---@return novita.Pool? pool nil where there are no descriptors
---@return novita.Error? err
function core.pool() end

--- The options of a call: their rows, from which the pages and novita.Options are written.
---@return { name: string, type: string, unit: string?, default: any, help: string }[] rows also
---  with a topic: the table in doc/
function core.options() end

--- A parser of event streams, for other people's.
---@param options? { max_event_bytes: integer } of one event, line or id; default 256 MiB
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

--- Reads JSON, strictly. A null member is absent, a null in an array is core.null; an empty list or
--- object is written again as it was read. Integers keep 64 bits on Lua 5.3 and 5.4, 53 elsewhere.
---@param text string
---@return any value
---@return novita.Error? err kind invalid_response
function core.decode(text) end

--- Marks a table as an array, also when it is empty.
---@generic T: table
---@param list? T default: a new one
---@return T
function core.array(list) end

--- The base64 text for bytes, padded.
---@param bytes string
---@return string
function core.base64(bytes) end

--- The numbers in a base64 text of little-endian float32 values, as servers send embeddings.
---@param text string
---@return number[]? numbers
---@return string? problem what is wrong with the text
function core.floats(text) end

--- A writer of a file that is complete, or not there.
---@param path string
---@param private? boolean for its owner only (mode 0600), whatever mode a former file has
---@return novita.Writer? writer nil on failure
---@return string? problem
function core.writer(path, private) end

--- Counts the bytes that are ASCII.
---@param text string
---@return integer
function core.ascii(text) end

--- The SHA-256 of the strings, one after the other, in hexadecimal digits.
---@param bytes string
---@param ... string
---@return string
function core.sha256(bytes, ...) end

--- The URL that a request goes to, without its query. A base_url that ends in /chat/completions
--- counts without that.
---@param path string
---@param options? novita.core.Options
---@return string? url nil on failure
---@return novita.Error? err kind config
function core.url(path, options) end

--- Makes an error value of a table with a kind.
---@param fields { kind: string, message: string }
---@return novita.Error
function core.error(fields) end

--- Monotonic seconds.
---@return number
function core.now() end

--- Parses a date of an HTTP header, in the three forms of RFC 9110 5.6.7.
---@param text any
---@param now number seconds since 1970; a year of two digits is the latest one that is not more
---  than fifty years ahead
---@return number? seconds since 1970, nil for what is no such date
function core.http_date(text, now) end

--- A number in [0, 1), fresh from the system: processes that start together differ in it.
---@return number
function core.random() end

--- Makes SIGINT, SIGTERM and SIGHUP only count, until the watch is closed; those of a terminal that
--- closes count once. An ignored signal stays ignored.
--- For programs only, which own their signals: not for code in Neovim and nginx.
---@return novita.Watch
function core.interrupts() end

--- The features of the libcurl in use.
---@return table
function core.features() end

--- For nginx: wakes a light thread through its semaphore; nil where C can't post that.
---@param semaphore table of ngx.semaphore
---@param address integer of its C side
---@param subsystem "http"|"stream"
---@return novita.Wakeup?
function core.wakeup(semaphore, address, subsystem) end

--- For nginx: the cleanup of the current request, which is at this address.
---@param address integer
---@return novita.Cleanup?
function core.cleanup(address) end

-- Pools ------------------------------------------------------------------------------------------

--- Connections, and the transfers that use them. Nothing moves but in poll().
---@class novita.Pool
local pool = {}

--- Starts a chat and returns at once.
---@param request novita.Request|string
---@param options? novita.core.Options
---@param known? table<string, true> the fields that the request may have, by default any
---@return novita.Transfer? transfer
---@return integer|novita.Error|false slot see transfer:slot(); an error of kind config; false if
---  the request has a field that is not known, whatever else is wrong with it
function pool:chat(request, options, known) end

--- Starts a request to another endpoint.
---@param request novita.core.Request
---@param options? novita.core.Options
---@return novita.Transfer? transfer
---@return integer|novita.Error slot see transfer:slot(); an error of kind config
function pool:request(request, options) end

---@class novita.core.Request
---@field path string follows the base URL
---@field method? string default: GET
---@field body? string JSON, unless a header says otherwise
---@field form? { name: string, bytes: string?, path: string?, filename: string?, type: string? }[]
---  a multipart form in place of the body: bytes, or files
---@field stream? boolean
---@field answer? "json"|"type"|"text"|"chat" JSON (the default), JSON if the answer's type says so,
---  text, or a completion
---@field save_to? string the file that the answer goes to
---@field public? boolean there need not be a key

--- Waits until a transfer has news, at most so long; a signal ends the waiting early.
---@param seconds? number default 0; NaN raises
---@param transfer? novita.Transfer wait for news of this one only; those of others stay
---@return integer in_flight
---@return boolean news of the transfer; without one, whether ready() returns one
function pool:poll(seconds, transfer) end

--- A transfer that has news, each once, or nil.
---@return novita.Transfer? transfer
---@return integer? slot see transfer:slot()
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

--- For nginx: poll(0), then posts the wakeups whose transfers have news.
---@return integer in_flight
function pool:dispatch() end

--- For nginx: its event loop calls dispatch() whenever there is work; nil where it can't.
---@return novita.NginxEvent?
function pool:event() end

--- For nginx: writes to a unix socket when there is work; nil when it can't make one there.
---@param directory string
---@return novita.Notifier?
function pool:notifier(directory) end

-- Transfers --------------------------------------------------------------------------------------

--- One HTTP exchange. It is cancelled when it is collected.
---@class novita.Transfer
local transfer = {}

--- Returns the reply and closes the transfer; returns no value while it is in flight. A chat of
--- unusual shape is returned as the server sent it, with true as the third value, and stays open.
---@return novita.Reply? reply for pool:request, the decoded body
---@return novita.Info|novita.Error|nil info
---@return true? odd
function transfer:reply() end

--- The next chunk of a stream; nil when there is none yet. At the end, which closes the transfer:
--- false, nil, info, or false, an error, and also the info where the error is none if every choice
--- has its finish reason.
---@param brief? boolean true: a chunk that repeats the one before, but for its text, is not decoded
---@return table|boolean|nil chunk true for such a one
---@return novita.Error|true|nil err true beside an answer which is no stream
---@return novita.Info|string|nil info or, beside a chunk that only adds text to choice 0, that text
function transfer:next(brief) end

--- The error that a choice reports: stream_error, or api_error where the answer is no stream.
---@param json string in the shape of an error's body
---@return novita.Error
function transfer:fault(json) end

--- An error of kind invalid_response.
---@param why string
---@param text? string the part of the answer that can't be used; becomes err.body
---@return novita.Error
function transfer:unusable(why, text) end

--- Returns the info of the response: nil before the headers, false if it ended without them.
---@return novita.Info|false|nil
function transfer:info() end

--- Returns the bytes sent of a form and received of a file, each with its total; 0 if unknown.
---@return integer sent, integer of, integer received, integer of
function transfer:progress() end

--- Has anything come since reply(), next() or info() last found nothing? True of a closed one, too.
---@return boolean
function transfer:news() end

--- A small number that no other open transfer of its pool has, for tables of transfers: later ones
--- have it again. nil of a closed one.
---@return integer?
function transfer:slot() end

--- Stops at once; reply() and next() then give an error of kind cancelled.
function transfer:cancel() end

--- Cancels the transfer if it is in flight, and frees all. Idempotent.
function transfer:close() end

-- Interrupts -------------------------------------------------------------------------------------

--- While one is open, Ctrl-C, SIGTERM and a terminal that closes do not end the program. The last
--- one that is closed, or collected, gives the former handlers back.
---@class novita.Watch
local watch = {}

--- The signals since it was opened; once closed, those until then.
---@return integer
function watch:count() end

--- Ends the watch; may be called again.
function watch:close() end

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

return core
