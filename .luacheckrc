std = "min"
max_line_length = 100
include_files = { "lua", "spec", "examples", "bench", "*.rockspec", ".luacheckrc" }
exclude_files = { "spec/mustache" }
files["spec"] = { std = "min+busted" }
files["*.rockspec"] = { std = "rockspec" }
files[".luacheckrc"] = { std = "luacheckrc" }
