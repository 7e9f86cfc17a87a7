#!/bin/sh
# Says all that is missing to build and run the module, and a line that installs it. Fails if it
# can't be built.
#   sh src/missing.sh LUA PC CC      the Lua as make names it; its .pc file, if one was found

lua=$1 pc=$2 cc=$3
what= debian= fedora= arch= alpine= homebrew=

lacks() { # what, and what has it in Debian, Fedora, Arch, Alpine, Homebrew
  what="$what${what:+, }$1"
  debian="$debian $2" fedora="$fedora $3" arch="$arch $4" alpine="$alpine $5" homebrew="$homebrew $6"
}

# nginx's Lua module on Debian needs a LuaJIT that excludes the usual one.
debian_luajit() {
  if dpkg -s libluajit2-5.1-2 >/dev/null 2>&1; then echo libluajit2-5.1-dev
  else echo libluajit-5.1-dev
  fi
}

$cc -E - >/dev/null 2>&1 <<END ||
#include <stdlib.h>
END
  lacks "a C compiler ($cc)" "gcc libc6-dev" gcc gcc "gcc musl-dev" gcc
command -v pkg-config >/dev/null || lacks pkg-config pkg-config pkgconf pkgconf pkgconf pkgconf
pkg-config --exists 'libcurl >= 7.68' 2>/dev/null ||
  lacks "libcurl with headers, 7.68 or later" libcurl4-openssl-dev libcurl-devel curl curl-dev curl
if [ -z "$pc" ]; then
  case $lua in
  luajit) lacks "LuaJIT with headers" "$(debian_luajit)" luajit-devel luajit luajit-dev luajit ;;
  *) digits=$(echo "$lua" | tr -d .)
    lacks "Lua $lua with headers" "$([ "$lua" = 5.1 ] && echo liblua5.1-0-dev ||
      echo "liblua$lua-dev")" lua-devel "lua$digits" "lua$lua-dev" "lua@$lua" ;;
  esac
fi

# Neovim and nginx have a Lua and its JSON inside.
runs() { [ "$lua" = luajit ] || "lua$lua" -e 'require("cjson")' >/dev/null 2>&1; }

build=$what
! command -v apt-get >/dev/null || runs || lacks "Lua $lua and lua-cjson, to run it" "lua$lua lua-cjson"
[ -n "$what" ] || exit 0

sudo=
[ "$(id -u)" = 0 ] || sudo="sudo "
echo "novita: missing: $what" >&2
if command -v apt-get >/dev/null; then echo "install with: ${sudo}apt-get install$debian"
elif command -v dnf >/dev/null; then echo "install with: ${sudo}dnf install$fedora"
elif command -v pacman >/dev/null; then echo "install with: ${sudo}pacman -S$arch"
elif command -v apk >/dev/null; then echo "install with: ${sudo}apk add$alpine"
elif command -v brew >/dev/null; then echo "install with: brew install$homebrew"
else echo "in Debian these are:$debian"
fi >&2
[ -z "$build" ]
