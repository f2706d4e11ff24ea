#!/bin/bash
# stand_in_base.sh DENO TAG: an image that stands in for the one the Dockerfile
# begins with, where no image can be downloaded: Debian, tini, this very Deno,
# and the user, the paths and the variables that the real one has.
set -euo pipefail

deno=$(readlink -f "$1")
tag=$2
root=$(mktemp --suffix=.tar)
trap 'rm -f "$root"' EXIT

# Without apt and documentation: half a minute, of which most is Debian's.
mmdebstrap --quiet --variant=essential --include=ca-certificates,tini \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt=force-unsafe-io \
  --customize-hook="install -m 0755 '$deno' \"\$1/usr/bin/deno\"" \
  --customize-hook='ln -s /usr/bin/tini "$1/tini"' \
  --customize-hook='echo deno:x:1993:1993::/home/deno:/bin/sh >>"$1/etc/passwd"' \
  --customize-hook='echo deno:x:1993: >>"$1/etc/group"' \
  --customize-hook='install -d -o 1993 -g 1993 "$1/deno-dir"' \
  --customize-hook='cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"' \
  bookworm "$root"
podman import --quiet --change ENV=DENO_DIR=/deno-dir/ \
  --change ENV=DENO_TLS_CA_STORE=system "$root" "$tag"
