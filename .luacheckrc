std = "min"
max_line_length = 100
include_files = { "**/*.lua", "*.rockspec", ".luacheckrc" }
files["spec"] = { std = "min+busted" }
files["*.rockspec"] = { std = "rockspec" }
files[".luacheckrc"] = { std = "luacheckrc" }
