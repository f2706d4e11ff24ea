#!/bin/sh
# Behind Cloudflare, or any proxy in the internet that has addresses of its own
# and sends X-Forwarded-For and X-Forwarded-Proto.
#
#   examples/behind_cdn.sh -- node examples/node_server.mjs
#   SERVER_CERT_PATH=origin.pem SERVER_KEY_PATH=origin.key PORT=8443 examples/behind_cdn.sh -- node examples/node_server.mjs
#
# Only from these addresses forwarding fields are believed; whoever gets past
# the proxy has his own address, whatever he claims. The list is the one of
# https://www.cloudflare.com/ips/ as of October 2025: see whether it has changed,
# and let the firewall admit nobody else.
cloudflare="173.245.48.0/20 103.21.244.0/22 103.22.200.0/22 103.31.4.0/22
  141.101.64.0/18 108.162.192.0/18 190.93.240.0/20 188.114.96.0/20
  197.234.240.0/22 198.41.128.0/17 162.158.0.0/15 104.16.0.0/13
  104.24.0.0/14 172.64.0.0/13 131.0.72.0/22 2400:cb00::/32 2606:4700::/32
  2803:f800::/32 2405:b500::/32 2405:8100::/32 2a06:98c0::/29 2c0f:f248::/32"

export TRUSTED_PROXIES="${TRUSTED_PROXIES:-$cloudflare}"
# Longer than the proxy keeps an idle connection to us: it is never the one who
# finds it closed. Cloudflare: 15 minutes.
export IDLE_TIMEOUT_MS="${IDLE_TIMEOUT_MS:-960000}"
# The address for ip-hash and RATE_LIMIT is the visitor's; CF-Connecting-IP,
# which the application may read, is the same one.
exec "$(dirname "$0")/../tools/prefork-pool.ts" "$@"
