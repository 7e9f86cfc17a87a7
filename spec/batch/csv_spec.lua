-- CSV by RFC 4180, and what is wrong with other texts.

local novita = require("novita")
local generator = require("spec.support.random")
novita.new()
local csv = require("novita.batch.csv")
local lines = require("novita.batch.lines")

local blocks = require("spec.support.blocks")

local MOST = 10000

-- The rows and problems, each with its line, or what is wrong with the header.
local function read(source, most)
  local next_line = lines.of(source, most or MOST)
  local names, problem = csv.header(next_line, most or MOST)
  if not names then return problem end
  local list = {}
  for record in csv.records(next_line, most or MOST, names) do
    list[#list + 1] = { record.line, record.row or record.problem }
  end
  return list
end

local function read_text(text, most) return read(blocks.of(text, 64), most) end

describe("records of CSV", function()
  it("have their cells by the names of the header, whatever the blocks", function()
    local text = '\239\187\191id,"the ""text""",\r\n1,"a, ""b""\r\nand\n\nc",\r\n\n'
      .. '"",,"x"\n2,ü,"\r"'
    blocks.every(text, function(source)
      assert.are.same({
        { 2, { id = "1", ['the "text"'] = 'a, "b"\r\nand\n\nc', [""] = "" } },
        { 7, { id = "", ['the "text"'] = "", [""] = "x" } },
        { 8, { id = "2", ['the "text"'] = "ü", [""] = "\r" } },
      }, read(source))
    end)
  end)

  it("that are wrong are named by line, and the rest goes on", function()
    local text = 'a,b\n1\n1,2,3\n"x"y,2\nx"y,2\n1,\rx\n1,Z\252rich\n"a\nb",1,2\n3,4\n1,"open\n5,6\n'
    assert.are.same({
      { 2, "has 1 cells where the header has 2" },
      { 3, "has 3 cells where the header has 2" },
      { 4, "has something between a closing quote and the comma" },
      { 5, "has a quote inside a cell without quotes" },
      { 6, "has a carriage return without a line feed" },
      { 7, 'is not UTF-8 in "b"' },
      { 8, "has 3 cells where the header has 2" },
      { 10, { a = "3", b = "4" } },
      { 11, "has a quote that is never closed" },
    }, read_text(text))
  end)

  it("are none without a header, nor in an empty file", function()
    assert.are.same({}, read_text(""))
    assert.are.same({}, read_text("a,b\n"))
    assert.are.equal('line 1 names the column "a" twice', read_text("a,b,a\n1,2,3"))
    assert.are.equal("line 3 is not UTF-8", read_text("\n\na,\255"))
    assert.are.equal("line 1 has a carriage return without a line feed", read_text("a,b\r1,2\r"))
  end)

  it("that are too long are refused, in one line or in many", function()
    local text = 'a\n1234567890\n"12345\n7890"\n"12345\n890"\n'
    assert.are.same({
      { 2, { a = "1234567890" } }, { 3, "is too long: more than 12 bytes" },
      { 5, { a = "12345\n890" } },
    }, read_text(text, 12))
    assert.are.same({ { 2, "is too long: more than 9 bytes" } }, read_text("a\n1234567890", 9))
  end)
end)

-- Hostile records --------------------------------------------------------------------------------

local RECORDS = 3000
local ALPHABET = { '"', ",", "\n", "\r\n", "\r", " ", "a", "é", '""', "\0", "\t", "'", ";" }

local function hostile_text(roll, most)
  local parts = {}
  for index = 1, roll(most) - 1 do parts[index] = ALPHABET[roll(#ALPHABET)] end
  return table.concat(parts)
end

local function hostile_rows(roll)
  local rows = {}
  for index = 1, RECORDS do
    rows[index] = { hostile_text(roll, 9), hostile_text(roll, 9), hostile_text(roll, 9) }
  end
  return rows
end

local function check_rows(rows, text)
  local found = read_text("a,b,c\n" .. text)
  assert.are.equal(#rows, #found)
  for index, pair in ipairs(found) do
    local row = pair[2]
    assert.are.same(rows[index], { row.a, row.b, row.c })
  end
end

-- Writes and reads CSV by Python's module.
local PROGRAM = [=[
import csv, io, json, sys
given, written = json.load(open(sys.argv[1])), io.StringIO()
csv.writer(written).writerows(given['rows'])
read = [[r for r in csv.reader(io.StringIO(t, newline='')) if r] for t in given['texts'] ]
json.dump({'written': written.getvalue(), 'read': read}, sys.stdout)
]=]

local function ask_python(value)
  local path, program = os.tmpname(), os.tmpname()
  for name, content in pairs { [path] = novita.json.encode(value), [program] = PROGRAM } do
    local file = assert(io.open(name, "w"))
    file:write(content)
    file:close()
  end
  local pipe = io.popen(("python3 %s %s"):format(program, path))
  local answer = assert(novita.json.decode(pipe:read("*a")))
  pipe:close()
  return answer
end

describe("hostile CSV", function()
  it("is read as it was written", function()
    local rows, text = hostile_rows(generator(1)), {}
    for index, cells in ipairs(rows) do
      local line = {}
      for place, cell in ipairs(cells) do line[place] = '"' .. cell:gsub('"', '""') .. '"' end
      text[index] = table.concat(line, ",")
    end
    check_rows(rows, table.concat(text, "\n"))
    check_rows(rows, table.concat(text, "\r\n"))
  end)

  if io.popen("command -v python3"):read("*a") ~= "" then
    local roll = generator(7)
    local texts, python = {}, nil

    setup(function()
      for index = 1, RECORDS do texts[index] = "a,b\n" .. hostile_text(roll, 14):gsub("%z", "0") end
      python = ask_python { rows = hostile_rows(generator(3)), texts = texts }
    end)

    it("is read as Python writes it", function()
      check_rows(hostile_rows(generator(3)), python.written)
    end)

    it("that has no problem is read as Python reads it", function()
      local agreed = 0
      for index, rows in ipairs(python.read) do
        local found, clean = read_text(texts[index]), true
        for _, pair in ipairs(found) do clean = clean and type(pair[2]) == "table" end
        if clean then
          agreed = agreed + 1
          assert.are.equal(#rows, #found + 1, texts[index])
          for place, pair in ipairs(found) do
            assert.are.same(rows[place + 1], { pair[2].a, pair[2].b })
          end
        end
      end
      assert.is_true(agreed > RECORDS / 10, agreed)
    end)
  end
end)
