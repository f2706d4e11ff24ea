#!/usr/bin/env bash
# What pre-forking saves: cold starts of a worker against requests to a warm pool.
#
#   scripts/bench_prefork.sh                                     the demo application
#   scripts/bench_prefork.sh -- node server.js                   any other worker
#   ZIGTTP_BIN=./zigttp HANDLER_PATH=app.js scripts/bench_prefork.sh
#   ITERATIONS=50 POOL_SIZE=8 scripts/bench_prefork.sh
#   scripts/bench_prefork.sh --help
#
# Everything is measured inside one process, scripts/bench_prefork.ts, so that
# no start of a shell or of curl is counted. This wrapper only finds Deno.
set -euo pipefail

readonly DENO_VERSION=2.9.6
scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Deno's binary, and not npm's launcher in front of it, which may be what "deno"
# is: that passes no signal on, and Ctrl-C has to reach the program that cleans
# up.
if command -v deno >/dev/null; then run=(deno); else run=(npx --yes "deno@$DENO_VERSION"); fi
deno=$("${run[@]}" eval 'console.log(Deno.execPath())')
exec "$deno" run -A "$scripts/bench_prefork.ts" "$@"
