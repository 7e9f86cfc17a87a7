-- Every public function, while a finalizer or a hook inside of it cancels, closes, calls, reads,
-- writes or raises: nothing is freed under its user, nothing waits for ever. It is told by a
-- sanitizer, or by MALLOC_PERTURB_, which overwrites what is freed.

local all = require("spec.support.reentrant_all")
local child = require("spec.support.child")
local reference = require("spec.support.reference")
local simulator = require("spec.support.simulator_client")

describe("code inside every public function", function()
  it("has a driver for each of them", function()
    local code, lacking = reference.code(), {}
    for _, category in ipairs { "function", "core function", "method" } do
      for name in pairs(code[category]) do
        local known = all.drivers[name] or all.left_out[name] or all.left_out[name:match("^%w+")]
        if not known then lacking[#lacking + 1] = name end
      end
    end
    assert.same({}, lacking)
  end)

  for _, mode in ipairs { "finalizers", "hooks" } do
    for action in pairs(all.ACTIONS) do
      it(("may do this: %s (%s)"):format(action, mode), function()
        local sim = simulator.shared()
        sim:reset()
        local code = ([[require("spec.support.reentrant_all").run(%q, %q) io.write("done")]])
          :format(mode, action)
        local output, how, number = child.run(code, {
          SIMULATOR = sim.url, MALLOC_PERTURB_ = "165", NOVITA_API_KEY = "sk_spec",
          NOVITA_BASE_URL = sim.url,
        })
        assert.same({ "done", "exit", 0 }, { output:sub(-2000), how, number })
      end)
    end
  end
end)
