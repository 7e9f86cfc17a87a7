-- Files and batches of the simulator, over bare sockets.

local cjson = require("cjson")

local raw = require("spec.support.socket_http")
local simulator = require("spec.support.simulator_client")

local function ask(method, path, body, headers)
  local answer = assert(raw.request(simulator.shared().url, {
    method = method, path = path, body = body, headers = headers,
  }))
  local ok, decoded = pcall(cjson.decode, answer.body)
  return answer, ok and decoded or nil
end

local function upload(bytes)
  local form = "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
    .. "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\r\n"
    .. bytes .. "\r\n--b--\r\n"
  return ask("POST", "/files", form, { "Content-Type: multipart/form-data; boundary=b" })
end

describe("the simulator", function()
  before_each(function() simulator.shared():reset() end)

  it("keeps files until it is reset, byte by byte", function()
    local _, file = upload("{}\r\n\r\n--\0\n{}\n")
    assert.are.same({ "in.jsonl", "batch", 13 }, { file.filename, file.purpose, file.bytes })
    assert.are.equal("{}\r\n\r\n--\0\n{}\n", ask("GET", "/files/" .. file.id .. "/content").body)
    assert.are.equal(1, #select(2, ask("GET", "/files")).data)
    simulator.shared():reset()
    assert.are.equal(404, ask("GET", "/files/" .. file.id).status)
    assert.are.equal(0, #select(2, ask("GET", "/files")).data)
  end)

  it("refuses a form without its fields", function()
    assert.are.equal(400, ask("POST", "/files", "x", { "Content-Type: text/plain" }).status)
    assert.are.equal(404, ask("POST", "/batches", '{"input_file_id":"x"}').status)
    assert.are.equal(404, ask("GET", "/batches/x").status)
  end)

  it("takes a batch one state further each time that it is asked for", function()
    local line = cjson.encode { custom_id = "1", body = { model = "simulator/echo",
      messages = { { role = "user", content = "Hi" } } } }
    local _, file = upload(line)
    local _, batch = ask("POST", "/batches", cjson.encode { input_file_id = file.id })
    local states = { batch.status }
    for index = 2, 4 do
      batch = select(2, ask("GET", "/batches/" .. batch.id))
      states[index] = batch.status
    end
    assert.are.same({ "validating", "PROGRESS", "COMPLETED", "COMPLETED" }, states)
    assert.is_truthy(ask("GET", "/files/" .. batch.output_file_id .. "/content").body
      :find('"content":"Hi"', 1, true))
    assert.are.equal(400, ask("POST", "/batches/" .. batch.id .. "/cancel").status)
    local stats = simulator.shared():stats()
    assert.are.same({ 1, 1 }, { stats.prompt_tokens, stats.completion_tokens })
  end)

  local function line_of(id, model)
    return cjson.encode { custom_id = id, body = { model = model or "simulator/echo",
      messages = { { role = "user", content = "Hi" } } } } .. "\n"
  end

  it("fails a batch whose file is not as it has to be", function()
    for text, why in pairs {
      [line_of("1") .. line_of("1")] = "the custom_id 1 is twice there",
      [line_of("1") .. line_of("2", "simulator/reason")] = "a file is for one model",
      [line_of("1") .. "{}\n"] = "line 2 is no request",
    } do
      local _, file = upload(text)
      local _, batch = ask("POST", "/batches", cjson.encode { input_file_id = file.id })
      batch = select(2, ask("GET", "/batches/" .. batch.id))
      assert.are.same({ "FAILED", why, "" }, { batch.status, batch.errors, batch.output_file_id })
    end
  end)

  it("gives a list of batches in pages", function()
    local _, file = upload(line_of("1"))
    local ids = {}
    for index = 1, 3 do
      ids[index] = select(2, ask("POST", "/batches", cjson.encode { input_file_id = file.id })).id
    end
    local _, first = ask("GET", "/batches?limit=2")
    assert.are.same({ 2, true, ids[2] }, { #first.data, first.has_more, first.last_id })
    local _, second = ask("GET", "/batches?limit=2&after=" .. first.last_id)
    assert.are.same({ 1, false, ids[3] }, { #second.data, second.has_more, second.last_id })
  end)
end)
