local window = require("novita.limit.window")
local quota = require("spec.support.quota")
local generator = require("spec.support.random")

-- Uses amounts as soon as the window lets it, until a time; calls `each(now, amount)`.
local function use(self, from, till, amount, each)
  local now = from
  while now < till do
    local size = type(amount) == "function" and amount() or amount
    local wait = self:wait(size, now)
    while wait > 0 do
      now = now + math.max(wait, 1e-6)
      wait = self:wait(size, now)
    end
    if now >= till then return end
    self:take(size, now)
    each(now, size)
  end
end

describe("a window", function()
  it("lets the burst go at once, then keeps the pace", function()
    local self, at = window.new(60, 10), {}
    use(self, 0, 30, 1, function(now) at[#at + 1] = now end)
    for i = 1, 10 do assert.are.equal(0, at[i]) end
    for i = 11, #at do assert.is_near((i - 10) * 61 / 60, at[i], 1e-4) end
  end)

  it("lets so many seconds' worth go at once, whatever the amounts", function()
    for limit, sizes in pairs {
      [60] = { 1, 3 }, [600] = { 1, 7, 100 }, [60000] = { 1, 450, 9000, 9999, 10000 },
    } do
      for _, burst in ipairs { 0, 1, 7, 10, 37.5, 60 } do
        for _, size in ipairs(sizes) do
          local self, used = window.new(limit, burst), 0
          use(self, 0, 1e-3, size, function() used = used + size end)
          local most = burst * limit / 60
          local whole = math.max(1, math.floor(most / size + 1e-9)) * size -- one goes in any case
          assert.are.equal(whole, used, ("%d of %d, burst %g"):format(size, limit, burst))
        end
      end
    end
  end)

  it("lets what is more than a burst go alone", function()
    local self, at = window.new(61, 10), {}
    use(self, 0, 61, 20, function(now) at[#at + 1] = now end)
    assert.are.equal(0, at[1])
    assert.is_near(20, at[2], 1e-4)
    assert.is_near(40, at[3], 1e-4)
  end)

  it("is even from the start without a burst", function()
    local self, at = window.new(61, 0), {}
    use(self, 5, 305, 1, function(now) at[#at + 1] = now end)
    for i = 1, #at do assert.is_near(4 + i, at[i], 1e-3) end
  end)

  it("spreads out again what a burst has bunched", function()
    local self, second = window.new(600, 60), {}
    use(self, 0, 300, 1, function(now)
      local at = math.floor(now)
      second[at] = (second[at] or 0) + 1
    end)
    assert.are.equal(600, second[0])
    for at = 61, 299 do assert.is_true(second[at] <= 11) end
  end)

  it("uses all but a sixtieth of the limit", function()
    for _, burst in ipairs { 0, 10, 60 } do
      local self, used = window.new(600, burst), 0
      use(self, 0, 1200, 1, function(now) if now >= 600 then used = used + 1 end end)
      assert.is_true(used >= 6000 * 60 / 61 - 10 and used <= 6000)
    end
  end)

  it("never uses more than the limit, for any server, with delays up to a second", function()
    for seed = 1, 20 do
      local random = generator(seed)
      local self, arrivals = window.new(1000, seed * 3), {}
      local most = seed % 3 == 0 and 700 or 90
      local function amount() return 1 + math.floor(random() * most) end
      use(self, 0, 400, amount, function(now, size)
        arrivals[#arrivals + 1] = { at = now + random() * 0.999, size = size }
      end)
      table.sort(arrivals, function(a, b) return a.at < b.at end)
      for _, server in ipairs { "fixed", "sliding", "bucket" } do
        local admit = quota[server](math.huge, 1000, seed)
        for _, arrival in ipairs(arrivals) do assert.is_true(admit(arrival.at, arrival.size)) end
      end
    end
  end)

  it("would be refused with a bucket of the limit instead", function() -- what the log is for
    local admit, refused, level = quota.sliding(600, math.huge), 0, 600
    for i = 1, 1200 do
      if i > 600 then level = level + 1 end -- ten a second
      if not admit(math.max(0, i - 600) / 10, 0) then refused = refused + 1 end
    end
    assert.is_true(refused > 500)
  end)

  it("gives back what was not used", function()
    local self = window.new(1000, 60)
    local entry = self:take(900, 0)
    assert.is_true(self:wait(200, 1) > 0)
    self:correct(entry, -600, 1)
    assert.are.equal(0, self:wait(200, 1))
    assert.are.equal(300, self.used)
    self:wait(1, 61)
    assert.are.equal(0, self.used)
    self:correct(entry, -100, 61) -- too late to matter
    assert.are.equal(0, self.used)
  end)

  it("takes what was used beyond", function()
    local self = window.new(1000, 60)
    local entry = self:take(100, 0)
    self:correct(entry, 850, 30)
    assert.are.equal(950, self.used)
    assert.is_true(self:wait(100, 60) > 0)
    self:wait(1, 61)
    assert.are.equal(850, self.used)
    self:wait(1, 91)
    assert.are.equal(0, self.used)
  end)
end)
