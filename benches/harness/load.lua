-- For wrk: says at the end what happened, as JSON, and hits the sessions of a file at random where one is named.

local secrets, count
local line = 44 -- 43 letters and a line feed

function init(args)
  if args[1] then
    local file = assert(io.open(args[1], "rb"))
    secrets = file:read("*a")
    file:close()
    count = #secrets / line
    math.randomseed(tonumber(args[2]) or 1)
  end
end

function request()
  if secrets then
    local start = math.random(0, count - 1) * line
    wrk.headers["Cookie"] = "bmauth=" .. secrets:sub(start + 1, start + line - 1)
  end
  return wrk.format()
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\nresult {"requests": %d, "seconds": %.6f, "p50_us": %.1f, "p99_us": %.1f, "errors": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
