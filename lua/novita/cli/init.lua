--- The `novita` command: finds the subcommand, runs it, and gives the exit status.
---
--- A subcommand is one file of this folder, and its name in COMMANDS. It returns a table, see
--- novita.cli.Command in parser.lua; what the subcommands share stands beside them:
---
---   parser, manual          the command line and the man page, from those tables
---   console, progress       what is written, and to which of the two outputs
---   home, account           files of the user; the client of the calls, with key and server
---   prompt, attachment, shorthand     what `novita chat` sends
---   answer, history, interrupt        what it prints, keeps, and stops at
---   batch_*, description    the parts of `novita batch`; the batch that a command line describes
---   flow_file, running, timeline      the files of flows, their runs, and how these are shown

local cli = {}

local DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
local COMMANDS = {
  "chat", "models", "batch", "run", "runs", "logs", "keys", "config", "template", "completion",
}

--- The descriptions of the subcommands.
---@return novita.cli.Command[]
function cli.commands()
  local list = {}
  for _, name in ipairs(COMMANDS) do list[#list + 1] = require("novita.cli." .. name) end
  return list
end

local function complain(text)
  io.stderr:write("novita: ", text, "\n")
  return USAGE
end

-- Returns which requirement is missing, and how to install it; nil if none is.
local function find_lack()
  if not pcall(require, "argparse") then
    return "the command needs argparse: apt-get install lua-argparse, or: luarocks install argparse"
  end
  require("novita.loader")
  local ok, problem = pcall(require, "novita.core")
  return not ok and tostring(problem):gsub("^novita: ", "") or nil
end

-- Runs the subcommand that the words name.
local function run(words)
  local console = require("novita.cli.console")
  local arguments, status = require("novita.cli.parser").parse(cli.commands(), words)
  if not arguments then return status end
  local result, err = arguments.run(arguments)
  if result then return result end
  return console.fail(err)
end

-- Formats a raised error: of console.write, of Ctrl-C (a text of the standalone Lua), or a bug.
local function explain(problem)
  if type(problem) == "table" and problem.output then return problem.output end
  if tostring(problem):find("interrupted!", 1, true) then return "interrupted" end
  return "internal error: " .. tostring(problem) .. debug.traceback("", 2)
end

--- Runs the command.
---@param words string[] the command line, without the command itself
---@return integer status 0 done, 1 failed for good, 2 usage or configuration, 3 unfinished and the
---  same command goes on, 130 interrupted
function cli.main(words)
  local lack = find_lack()
  if lack then return complain(lack) end
  local ok, status = xpcall(function() return run(words) end, explain)
  local flushed, problem = io.stdout:flush()
  if not ok then
    complain(status)
    return status == "interrupted" and INTERRUPTED or FAILED
  end
  if not flushed and status == DONE then
    complain("standard output: " .. problem)
    return FAILED
  end
  return status
end

return cli
