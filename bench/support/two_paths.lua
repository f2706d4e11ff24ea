-- For wrk: asks for one path, and at random for another instead, and prints
-- the figures as one line of JSON.

local usual, other, ratio

-- Called once in each thread, with the words after "--": the usual path, the
-- other one, and how many of a hundred requests are for that.
function init(args)
  usual, other, ratio = args[1], args[2], tonumber(args[3]) / 100
  -- The same requests in each run.
  math.randomseed(1)
end

function request()
  return wrk.format(nil, math.random() < ratio and other or usual)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"durationMicros":%d,"p50Micros":%d,"p99Micros":%d,"errors":%d}\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
