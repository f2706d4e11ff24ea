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

# /_health is 200 while the balancer runs, also while it drains; it moves to
# ADMIN_PORT when that is set. The image has no curl, and needs none.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["deno", "eval", "const port = Deno.env.get('ADMIN_PORT') || Deno.env.get('PORT') || '8080'; const response = await fetch(`http://127.0.0.1:${port}/_health`); Deno.exit(response.ok ? 0 : 1);"]

# tini as process 1 passes SIGTERM on to the balancer and reaps what workers
# leave behind, which no ordinary program does. No shell in between.
ENTRYPOINT ["/tini", "--", "deno", "run", "--frozen", "--cached-only", "--allow-net", "--allow-run", "--allow-env", "tools/prefork-pool.ts"]
