"""A WSGI application, on what Python brings along.

    ./tools/prefork-pool.ts -- python3 examples/wsgi.py
    curl localhost:8080/

Flask and Django are WSGI applications, too: `application = app`. FastAPI is
run by its own server, one process for each worker of the pool, without
workers of its own:

    ./tools/prefork-pool.ts -- uvicorn app:app --host {host} --port {port}
"""

import os
import signal
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


def application(environ, start_response):
    body = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}\n".encode()
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"),
                              ("Content-Length", str(len(body)))])
    return [body]


class ThreadingServer(ThreadingMixIn, WSGIServer):
    """A thread for each connection: the health probe gets its turn as well."""

    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    """Without a line for each request: ACCESS_LOG=on has those of the pool."""

    def log_message(self, format, *args):
        pass


# The pool asks only once nothing is in flight.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
make_server(os.environ["HOST"], int(os.environ["PORT"]), application,
            ThreadingServer, QuietHandler).serve_forever()
