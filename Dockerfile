# The pool with its demo application. To run another application, start from
# this image, add it and set WORKER_COMMAND: docs/deployment.md shows how.
#
#   docker build -t prefork-pool .
#   docker run --rm -p 8080:8080 prefork-pool

# Debian-based: the pool's guardian, which ends workers whose balancer was
# killed, needs a shell. The image also brings `deno` as a user without rights
# (1993), DENO_DIR and tini.
FROM denoland/deno:2.9.6

WORKDIR /opt/prefork-pool

COPY . .
# Downloaded and compiled now: neither the balancer nor a worker does it at
# start, and both also run from a read-only file system. All of it belongs to
# root: the program cannot change its own code.
RUN deno cache --frozen tools/prefork-pool.ts src/demo/main.ts \
  && chmod -R a+rX /opt/prefork-pool /deno-dir

# A number, because `runAsNonRoot` in Kubernetes cannot judge a name.
USER 1993:1993

ENV DENO_NO_UPDATE_CHECK=1
EXPOSE 8080

# Asks for /_health, which is 200 while the balancer runs, also while it drains,
# where the container's own settings put it: PORT, HOST, ADMIN_PORT, TLS. Past
# HTTP_PROXY, which is for what is elsewhere. The image has no curl, and needs none.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["deno", "run", "--frozen", "--cached-only", "--no-prompt", "--allow-net", "--allow-run", "--allow-env", "tools/prefork-pool.ts", "health"]

# tini as process 1 passes SIGTERM on to the balancer and reaps what workers
# leave behind, which no ordinary program does. No shell in between.
ENTRYPOINT ["/tini", "--", "deno", "run", "--frozen", "--cached-only", "--allow-net", "--allow-run", "--allow-env", "tools/prefork-pool.ts"]
