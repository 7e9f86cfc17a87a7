std = "min"
max_line_length = 100
include_files = { "**/*.lua", "*.rockspec", ".luacheckrc" }
exclude_files = { "build" }
files["lua/novita"] = { not_globals = { "next", "pairs" } } -- unsafe in LuaJIT: novita.compat
files["lua/novita/compat.lua"] = { read_globals = { "next", "pairs" } }
files["lua/novita/api"] = { max_comment_line_length = 120 } -- types have no second line
files["lua/novita/meta"] = { ignore = { "212", "241" } } -- types: their bodies are empty
files["bench/worker"] = { read_globals = { "ngx" } }
files["examples/openresty"] = { globals = { "ngx" } }
files["spec"] = { std = "min+busted" }
files["*.rockspec"] = { std = "rockspec" }
files[".luacheckrc"] = { std = "luacheckrc" }
