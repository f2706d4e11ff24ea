#!/bin/bash
# The image's health check: exit code 0 while the balancer responds to /_health
# with 200, else 1. `healthcheck.sh /_ready`: while it also accepts requests.
#
# In bash alone, which every Debian has and which starts in milliseconds. It
# asks the admin port, which is plain HTTP whatever PORT speaks, and knows of no
# HTTP_PROXY. It reads the variables that the pool reads: give ADMIN_PORT as
# one, neither as a flag nor in ENV_FILE.
set -u

# Below the 3 s that the image's HEALTHCHECK gives it, so that it can say why.
readonly TIMEOUT_S=2

path=${1:-/_health}
port=${PREFORK_ADMIN_PORT:-${ADMIN_PORT:-}}
host=${PREFORK_ADMIN_HOST:-${ADMIN_HOST:-127.0.0.1}}
if [[ -z $port ]]; then
  # Without one the admin pages are on PORT.
  port=${PREFORK_PORT:-${PORT:-8080}}
  host=${PREFORK_HOST:-${HOST:-0.0.0.0}}
fi
case $host in
  0.0.0.0) host=127.0.0.1 ;;
  ::) host=::1 ;;
esac

fail() {
  echo "${path#/_}: no ($host port $port: $1)"
  exit 1
}

exec 3<>"/dev/tcp/$host/$port" || fail "nobody listens there"
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$path" >&3
IFS=' ' read -r -t "$TIMEOUT_S" -u 3 _ status _ || fail "no response"
[[ $status == 200 ]] || fail "$status"
echo "${path#/_}: yes"
