#!/bin/sh
# Serves the current directory from a pool of Python processes. Nothing in
# Python knows of the pool: the port is a word of its command line.
#
#   examples/python.sh
#   POOL_SIZE=8 PORT=9000 examples/python.sh

exec "$(dirname "$0")/../tools/prefork-pool.ts" \
  -- python3 -m http.server --bind '{host}' '{port}'
