# The pool with its demo application. To run another application, start from
# this image, add it and set WORKER_COMMAND: docs/deployment.md shows how.
#
#   docker build -t prefork-pool .
#   docker run --rm -p 8080:8080 prefork-pool

# Debian-based: the pool's guardian, which ends workers whose balancer was
# killed, needs a shell, and the health check is bash. The image also brings
# `deno` as a user without rights (1993), DENO_DIR and tini.
FROM denoland/deno:2.9.6

WORKDIR /opt/prefork-pool

COPY . .
# Downloaded and compiled now: neither the balancer nor a worker does it at
# start, and both also run from a read-only file system. All of it belongs to
# root: the program cannot change its own code. The link is for
# `docker exec POOL prefork-pool status`.
RUN deno cache --frozen tools/prefork-pool.ts src/demo/main.ts \
  && chmod -R a+rX /opt/prefork-pool /deno-dir \
  && ln -s /opt/prefork-pool/tools/prefork-pool.ts /usr/local/bin/prefork-pool

# A number, because `runAsNonRoot` in Kubernetes cannot judge a name.
USER 1993:1993

# The admin pages have a port of their own: health checks and metrics get
# through when PORT is full, and are plain HTTP when PORT speaks TLS or the
# PROXY protocol. On loopback, unless ADMIN_HOST opens it.
ENV DENO_NO_UPDATE_CHECK=1 ADMIN_PORT=9090
EXPOSE 8080 9090

# 200 while the balancer runs, also while it drains. In bash, for a few
# milliseconds of CPU time: a second Deno takes 200.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["/opt/prefork-pool/deploy/healthcheck.sh"]

# tini as process 1 passes SIGTERM on to the balancer and reaps what workers
# leave behind, which no ordinary program does. No shell in between. -A: the
# container is the sandbox here (SECURITY.md). Absolute, for whoever sets
# another WORKDIR.
ENTRYPOINT ["/tini", "--", "deno", "run", "-A", "--frozen", "--cached-only", "/opt/prefork-pool/tools/prefork-pool.ts"]
