rockspec_format = "3.0"
package = "novita"
version = "scm-1"

source = { url = "git+file://." } -- from a checkout: luarocks make

description = {
  summary = "The client for language models in Lua",
  detailed = [[
    One C module over libcurl and a thin Lua layer: chat completions, streams, many calls at once,
    templates, retry and rate limits, for scripts, Neovim and nginx/OpenResty.
    Speaks Novita AI's API, which is OpenAI-compatible.]],
  license = "MIT",
}

dependencies = { "lua >= 5.1, < 5.5", "lua-cjson >= 2.1.0" }

build = {
  type = "builtin",
  modules = {
    ["novita"] = "lua/novita/init.lua",
    ["novita.assemble"] = "lua/novita/assemble.lua",
    ["novita.attempt"] = "lua/novita/attempt.lua",
    ["novita.budget"] = "lua/novita/budget.lua",
    ["novita.call"] = "lua/novita/call.lua",
    ["novita.client"] = "lua/novita/client.lua",
    ["novita.compat"] = "lua/novita/compat.lua",
    ["novita.cooldown"] = "lua/novita/cooldown.lua",
    ["novita.health"] = "lua/novita/health.lua",
    ["novita.httpdate"] = "lua/novita/httpdate.lua",
    ["novita.limit"] = "lua/novita/limit.lua",
    ["novita.loader"] = "lua/novita/loader.lua",
    ["novita.loop"] = "lua/novita/loop/init.lua",
    ["novita.loop.ngx"] = "lua/novita/loop/ngx.lua",
    ["novita.loop.poll"] = "lua/novita/loop/poll.lua",
    ["novita.loop.tasks"] = "lua/novita/loop/tasks.lua",
    ["novita.loop.uv"] = "lua/novita/loop/uv.lua",
    ["novita.loop.worker"] = "lua/novita/loop/worker.lua",
    ["novita.map"] = "lua/novita/map.lua",
    ["novita.options"] = "lua/novita/options.lua",
    ["novita.pieces"] = "lua/novita/pieces.lua",
    ["novita.reply"] = "lua/novita/reply.lua",
    ["novita.retry"] = "lua/novita/retry.lua",
    ["novita.shared"] = "lua/novita/shared.lua",
    ["novita.start"] = "lua/novita/start.lua",
    ["novita.stream"] = "lua/novita/stream.lua",
    ["novita.template"] = "lua/novita/template.lua",
    ["novita.template.filters"] = "lua/novita/template/filters.lua",
    ["novita.template.parser"] = "lua/novita/template/parser.lua",
    ["novita.template.renderer"] = "lua/novita/template/renderer.lua",
    ["novita.ticket"] = "lua/novita/ticket.lua",
    ["novita.tokens"] = "lua/novita/tokens.lua",
    ["novita.toolcalls"] = "lua/novita/toolcalls.lua",
    ["novita.core"] = {
      sources = {
        "src/bell.c",
        "src/buffer.c",
        "src/chat.c",
        "src/chunk.c",
        "src/core.c",
        "src/easy.c",
        "src/encode.c",
        "src/envelope.c",
        "src/error.c",
        "src/events.c",
        "src/failure.c",
        "src/handles.c",
        "src/headers.c",
        "src/info.c",
        "src/json.c",
        "src/nginx.c",
        "src/options.c",
        "src/pool.c",
        "src/process.c",
        "src/reply.c",
        "src/ring.c",
        "src/shown.c",
        "src/sse.c",
        "src/symbol.c",
        "src/text.c",
        "src/tie.c",
        "src/transfer.c",
        "src/wait.c",
        "src/waiter.c",
        "src/watch.c",
      },
      defines = { "_GNU_SOURCE" },
      libraries = { "curl", "m", "pthread" },
    },
  },
  copy_directories = { "doc", "examples" },
}
