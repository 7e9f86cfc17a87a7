#!/bin/sh
# Makes screenshot.png: a real session, in a terminal on a screen that nobody sees, while an answer
# of the simulator's is on its way. On Debian: neovim xterm xvfb imagemagick fonts-dejavu-core curl.

cd "$(dirname "$0")/../.." || exit 1
if [ "$1" != inside ]; then
  exec spec/support/with-simulator xvfb-run -a -s "-screen 0 1000x700x24" "$0" inside
fi

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

cat > "$scratch/retry.lua" <<'END'
-- The wait before another attempt.
local function delay(policy, n, told)
  if told and told > 0 then return told end
  local wait = policy.initial_delay * policy.factor ^ n
  return math.min(wait, policy.max_delay) * (1 - policy.jitter * math.random())
end

return delay
END

# What the simulator says.
curl -sS -o "$scratch/answer" --data-binary @- "${NOVITA_BASE_URL%/openai*}/_sim/always" <<'END'
{ pace = 0.06, answer = { content = "-- How long to wait before attempt n + 2:\n--\n--   1. If the server named a time (Retry-After), exactly that long.\n--   2. Otherwise the delay doubles with each attempt: initial_delay, 2 x,\n--      4 x ... but never more than max_delay.\n--   3. A random part is taken off, so that clients that failed together\n--      don't come back together.\n--\n-- One thing to look at: math.random is not seeded here, so on Lua 5.1 every process waits alike." } }
END

cat > "$scratch/init.lua" <<'END'
vim.opt.runtimepath:append { ".", "examples/neovim" }
vim.opt.termguicolors, vim.opt.number, vim.opt.shortmess = true, true, "IF"
vim.opt.laststatus, vim.opt.ruler, vim.opt.showmode = 0, false, false
vim.cmd("syntax on | colorscheme slate")
vim.cmd("highlight Normal guibg=#1b1f27 guifg=#d5d8df | highlight NonText guibg=#1b1f27 guifg=#1b1f27")
vim.cmd("highlight LineNr guibg=#1b1f27 guifg=#555c6b | highlight Comment guifg=#8fb573")
vim.cmd("highlight Operator guifg=#6495ed")
vim.defer_fn(function()
  vim.api.nvim_feedkeys(":2,6Novita How long does this wait? Is anything wrong with it?\r", "t", true)
end, 300)
END

LUA_CPATH="$PWD/build/luajit/?.so;;" xterm -fa "DejaVu Sans Mono" -fs 12 -geometry 84x19+0+0 \
  -b 12 -bg "#1b1f27" -fg "#d5d8df" +sb -e nvim -n -i NONE -u "$scratch/init.lua" \
  "$scratch/retry.lua" &
terminal=$!
sleep 5.2
import -window root -trim +repage -colors 64 PNG8:examples/neovim/screenshot.png
kill "$terminal"
