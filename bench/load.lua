-- For wrk: one request, over and over. Arguments: method, body. Prints JSON, as bench/generator.py does.
function init(args)
  wrk.method = args[1]
  if args[2] and args[2] ~= '' then wrk.body = args[2] end
end

function done(summary)
  local e = summary.errors
  print(string.format('{"requests": %d, "errors": %d, "seconds": %f}', summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout, summary.duration / 1e6))
end
