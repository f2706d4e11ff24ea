#!/usr/bin/env bash
# What pre-forking saves: cold starts of a worker against requests to a warm pool.
#
#   scripts/bench_prefork.sh                                     the demo application
#   scripts/bench_prefork.sh -- node server.js                   any other worker
#   ZIGTTP_BIN=./zigttp HANDLER_PATH=app.js scripts/bench_prefork.sh
#   ITERATIONS=50 POOL_SIZE=8 scripts/bench_prefork.sh
#
# Everything is measured inside one process, scripts/bench_prefork.ts, so that
# no start of a shell or of curl is counted. This wrapper only finds Deno.
set -euo pipefail

readonly DENO_VERSION=2.9.6
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

deno=$(command -v deno || true)
if [[ -z $deno ]]; then
  # The binary itself and not npx in front of it: npx passes no signal on, and
  # Ctrl-C has to reach the program that cleans up.
  deno=$(npx --yes "deno@$DENO_VERSION" eval 'console.log(Deno.execPath())')
fi
exec "$deno" run -A "$scripts/bench_prefork.ts" "$@"
