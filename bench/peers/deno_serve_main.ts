/**
 * The obvious balancer in Deno: `Deno.serve` in front, `fetch` behind.
 *
 * `deno run -A bench/peers/deno_serve_main.ts PORT ORIGIN_PORT...`
 *
 * @module
 */

/** Fields of one hop (RFC 9110 §7.6.1), and Host, which `fetch` sets. */
const NOT_FORWARDED = [
  "connection",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

const [port = 0, ...originPorts] = Deno.args.map(Number);
let turn = 0;

Deno.serve({ hostname: "127.0.0.1", port }, (request, { remoteAddr }) => {
  const url = new URL(request.url);
  const headers = new Headers(request.headers);
  for (const name of NOT_FORWARDED) headers.delete(name);
  headers.set("x-forwarded-for", remoteAddr.hostname);
  headers.set("x-forwarded-proto", "http");
  headers.set("x-forwarded-host", url.host);
  const origin = originPorts[turn++ % originPorts.length];
  return fetch(`http://127.0.0.1:${origin}${url.pathname}${url.search}`, {
    method: request.method,
    headers,
    body: request.body,
    redirect: "manual",
  });
});
