-- For wrk: makes the upload body and prints the figures as one line of JSON.

-- Called once in each thread, with the words after "--".
function init(args)
  local upload_bytes = tonumber(args[1])
  if upload_bytes > 0 then
    wrk.method = "POST"
    wrk.body = string.rep("x", upload_bytes)
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"durationMicros":%d,"p50Micros":%d,"p99Micros":%d,"errors":%d}\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
