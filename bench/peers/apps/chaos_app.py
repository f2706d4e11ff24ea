"""What chaos_app.mjs is, as a WSGI application for gunicorn."""

import os
import time

WORK_SECONDS = 0.005

BODY = b"a line of the answer's body\n" * 40

EFFECTS_DIRECTORY = os.environ["EFFECTS_DIRECTORY"]


def application(environ, start_response):
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length)
    if environ["REQUEST_METHOD"] == "POST":
        # Opened for each: gunicorn may load the application before it forks.
        path = f"{EFFECTS_DIRECTORY}/{os.getpid()}"
        effects = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(effects, body + b"\n")
        os.close(effects)
    time.sleep(WORK_SECONDS)
    start_response(
        "200 OK",
        [
            ("Content-Type", "text/plain"),
            ("Content-Length", str(len(BODY))),
            ("X-Worker", str(os.getpid())),
        ],
    )
    return [BODY]
