-- Numbers that look random and are the same on every Lua: Park and Miller's generator.

--- A generator, called as math.random is: random() is uniform in [0, 1), random(n) one of 1 to n.
return function(seed)
  local state = seed % 2147483646 + 1
  return function(n)
    state = state * 16807 % 2147483647
    if n then return state % n + 1 end
    return (state - 1) / 2147483646
  end
end
