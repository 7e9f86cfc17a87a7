-- What lazy.nvim adds to the spec of a plugin named "novita", and to no other: how to build it for
-- Neovim's Lua. With this file here lazy.nvim does not run luarocks, which the rockspec is for.
return { "novita", optional = true, build = "make LUA=luajit" }
