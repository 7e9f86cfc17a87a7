---@meta novita.types
-- Requests and responses, for editors and for the reference. Never executed.

-- Requests ---------------------------------------------------------------------------------------

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
---@field tools? table[] with a function in each for run_tools and conversations: novita.Tool
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

--- The options of a transfer. Written by make doc-options.
---@class novita.core.Options
---@field api_key? string|false sent as `Authorization: Bearer ...`; `false` sends none; default:
---  `NOVITA_API_KEY`
---@field base_url? string any OpenAI-compatible server, with or without `/chat/completions` at
---  its end; no user name, query or fragment; default: `NOVITA_BASE_URL`, else
---  `https://api.novita.ai/openai/v1`
---@field headers? table<string, string|number|false> additional headers; `false` removes one of
---  the library; those of a call are added to the client's; `Authorization`, `api-key` or
---  `x-api-key` replaces the key
---@field query? table<string, string|number|boolean> parameters added to every URL, sorted by
---  name; `false` removes one; those of a call are added to the client's
---@field user_agent? string the header `User-Agent`; default: `novita-lua/<version>`
---@field connect_timeout? number|false seconds: DNS, TCP and TLS together; default: 10
---@field first_byte_timeout? number|false seconds: from the end of the request to the complete
---  headers of the response; default: 600
---@field idle_timeout? number|false seconds: between two bytes of the response, heartbeats
---  included; default: 120
---@field attempt_timeout? number|false seconds: a whole attempt; for a stream, until its headers
---@field deadline? number|false seconds: the whole call: waiting for a limiter, attempts, the
---  delays between them, and all of a stream
---@field max_response_bytes? integer bytes: of a response, after decompression; a larger one is
---  the error `response_too_large`; streams and files have no limit; default: 64 MiB
---@field max_header_bytes? integer bytes: of all header lines of one response; default: 256 KiB
---@field max_event_bytes? integer bytes: of one event of a stream, one line or one id; default:
---  256 MiB
---@field proxy? string a proxy's URL: `http://`, `https://`, `socks5h://` ...; `""` for none,
---  whatever the environment says; before libcurl 8.0 an `https://` server is spoken to over
---  HTTP/1.1 through one; default: the environment's
---@field ca_file? string certificates to trust in place of the system's, a PEM file; default: the
---  system's
---@field proxy_ca_file? string certificates to trust for an `https://` proxy, a PEM file;
---  `ca_file` does not apply to proxies; default: the system's
---@field client_cert? string the client certificate, for servers that request one, a PEM file
---@field client_key? string its private key, a PEM file; default: in `client_cert`
---@field client_key_passphrase? string the passphrase of an encrypted key
---@field keep_body? boolean whether `info.body` holds the bytes of a plain answer too, after
---  decompression; `err.body` of an error does in any case
---@field stream? boolean whether the body is read as a stream; a request table has `stream`

-- Responses --------------------------------------------------------------------------------------

--- The info of a response.
---@class novita.Info
---@field status integer
---@field http_version "1.0"|"1.1"|"2"|"3"|"unknown"
---@field reused boolean whether a kept connection was used
---@field timings novita.Timings
---@field headers novita.Headers
---@field request_id? string
---@field attempts novita.Attempt[]
---@field body? string the bytes of a plain answer, with the option keep_body
---@field messages? novita.Message[] of run_tools and conversations: all, the answer last
---@field turns? novita.Turn[] of the same

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

--- The error of a call. tostring(err) is one line.
---@class novita.Error
---@field kind string config, connection, timeout, cancelled, redirect, bad_request, authentication,
---  permission, not_found, conflict, request_too_large, unprocessable, rate_limit, server,
---  api_status, api_error, stream_error, stream_truncated, invalid_response, response_too_large,
---  length_finish, content_filter_finish, tool_turns, busy, queue_full, rate_limited_local,
---  callback_error, store
---@field message string never empty, never the text of an answer
---@field reason? string of a connection: dns, connect, tls, proxy, reset or protocol; of a timeout:
---  connect, first_byte, idle, attempt or deadline; of a store: busy, serialization, constraint,
---  data, full, denied, open, io, corrupt, connection, locked, moved, version or sql; else the
---  server's word
---@field phase? "connect"|"headers"|"body"|"stream" how far it had come
---@field status? integer the server's
---@field proxy_status? integer with which a proxy refused to connect to the server
---@field code? string|integer the server's; of a store, SQLite's extended code or the SQLSTATE
---@field constraint? string of a store: the one that refuses a row
---@field holder? integer|string of a store: who holds the lock: id of a process, or a connection
---@field run? string of a store: the id of the run that it has cut
---@field saved? boolean of a batch whose output can't be written at the end: its answers are there
---@field type? string the server's
---@field param? string the field or option that is wrong; the place where an answer does not fit
---@field request_id? string
---@field trace_id? string the server's, where it has one besides
---@field retry_after? number seconds
---@field attempts? novita.Attempt[] of a call through a client
---@field headers? novita.Headers
---@field body? string of an error answer (at most 1 MiB), or the event that can't be read
---@field host? string where a redirect points
---@field cause? { code: integer, message: string } libcurl's
---@field partial? novita.Reply what had arrived of a stream; the reply that could not be used
---@field messages? novita.Message[] of run_tools and conversations: those so far
---@field turns? novita.Turn[] of the same
---@field reply? novita.Reply the answer that retry_if has refused
local error_methods = {}

--- Is it of this kind, or of a narrower one? The kinds of a status are also "api_status", a
--- "timeout" is also a "connection".
---@param kind string
---@return boolean
function error_methods:is(kind) end

---@class novita.Reply
local reply_methods = {}

--- The content of the first choice; of a list of parts, their texts joined. nil where it has none.
---@return string?
function reply_methods:text() end

--- A model as the server lists it.
---@class novita.Model
---@field id string
---@field context_size? integer
---@field max_output_tokens? integer
---@field features? string[]
---@field [string] any
