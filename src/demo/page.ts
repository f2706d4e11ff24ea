/**
 * The demo application's front page: which worker has responded, and where to go
 * from here.
 *
 * @module
 */

/** The worker that responds. */
export interface DemoWorker {
  readonly workerId: string;
  readonly pid: number;
  readonly port: number;
  /** Requests responded to so far, this one included. */
  readonly requests: number;
}

/** Routes worth a visit, and what they show. */
const ROUTES: readonly (readonly [path: string, shows: string])[] = [
  ["/api/health", "what the pool's health probes see"],
  ["/echo?hello=world", "the request as the worker got it"],
  ["/slow?ms=1000", "a response that takes a second"],
  ["/burn?ms=200", "a worker whose CPU is busy"],
  ["/bytes?n=1048576", "a mebibyte, streamed"],
  ["/events", "server-sent events, unbuffered"],
  ["/_metrics", "the pool's own figures"],
];

/** The page for terminals. */
export function renderText(worker: DemoWorker): string {
  const width = Math.max(...ROUTES.map(([path]) => path.length));
  const lines = ROUTES.map(([path, shows]) =>
    `  ${path.padEnd(width)}  ${shows}`
  );
  return [
    `Hello from worker ${worker.workerId} ` +
    `(pid ${worker.pid}, port ${worker.port}, request ${worker.requests}).`,
    "",
    ...lines,
    "",
  ].join("\n");
}

/** The page for browsers. */
export function renderHtml(worker: DemoWorker): string {
  const items = ROUTES.map(([path, shows]) =>
    `<li><a href="${escape(path)}"><code>${escape(path)}</code></a> ${
      escape(shows)
    }</li>`
  );
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Worker ${escape(worker.workerId)} - prefork-pool</title>
<style>
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 40rem; margin: 10vh auto; padding: 0 1rem; }
h1 { font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; }
dt { opacity: .7; }
dd { margin: 0; font-variant-numeric: tabular-nums; }
ul { padding: 0; list-style: none; }
</style>
</head>
<body>
<h1>Hello from worker ${escape(worker.workerId)}</h1>
<dl>
<dt>Process</dt><dd>${worker.pid}</dd>
<dt>Port</dt><dd>${worker.port}</dd>
<dt>Requests served</dt><dd>${worker.requests}</dd>
</dl>
<p>Reload the page: the next worker responds.</p>
<ul>
${items.join("\n")}
</ul>
</body>
</html>
`;
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;");
}
