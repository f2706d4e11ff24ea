-- For wrk: makes the upload body, counts what is sent after the load has
-- settled, and prints the figures as one line of JSON.

local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long micros; } bench_time;
  int gettimeofday(bench_time *time, void *zone);
]]

local threads = {}

local function epoch_micros()
  local time = ffi.new("bench_time")
  ffi.C.gettimeofday(time, nil)
  return tonumber(time.seconds) * 1e6 + tonumber(time.micros)
end

function setup(thread)
  table.insert(threads, thread)
end

-- Called once in each thread, with the words after "--".
function init(args)
  local upload_bytes = tonumber(args[1])
  local from_micros = tonumber(args[2])
  settled_requests = 0
  if upload_bytes > 0 then
    wrk.method = "POST"
    wrk.body = string.rep("x", upload_bytes)
  end
  -- Costs wrk a call for each request, so only where it is wanted.
  if from_micros > 0 then
    local bytes = wrk.format()
    request = function()
      if epoch_micros() >= from_micros then
        settled_requests = settled_requests + 1
      end
      return bytes
    end
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  local settled_requests = 0
  for _, thread in ipairs(threads) do
    settled_requests = settled_requests + thread:get("settled_requests")
  end
  io.write(string.format(
    '{"requests":%d,"settledRequests":%d,"durationMicros":%d,' ..
    '"p50Micros":%d,"p99Micros":%d,"errors":%d}\n',
    summary.requests, settled_requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
