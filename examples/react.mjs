// deno-lint-ignore-file explicit-function-return-type

// React on the server: the page is streamed as it is rendered, and passes the
// pool as it comes.
//
//   ./tools/prefork-pool.ts -- deno run -A examples/react.mjs
//   curl -N localhost:8080/
//
// Rendering keeps a CPU busy, so a worker for each: POOL_SIZE=auto. Next.js is
// run as it is, by `-- node_modules/.bin/next start -p {port} -H {host}`.

import process from "node:process";
import { createElement as h, Suspense, use } from "react";
import { renderToReadableStream } from "react-dom/server";

/** What a database would take its time for. */
function loadNews() {
  return new Promise((resolve) => setTimeout(resolve, 50, ["one", "two"]));
}

function News({ news }) {
  return h("ul", null, use(news).map((item) => h("li", { key: item }, item)));
}

function Page() {
  const news = loadNews();
  return h(
    "html",
    null,
    h("head", null, h("title", null, "News")),
    h(
      "body",
      null,
      h("h1", null, `Worker ${process.env.WORKER_ID}`),
      h(Suspense, { fallback: h("p", null, "Loading") }, h(News, { news })),
    ),
  );
}

Deno.serve(
  { port: Number(process.env.PORT), hostname: process.env.HOST },
  async ({ url }) => {
    if (new URL(url).pathname !== "/") {
      return new Response(null, { status: 404 });
    }
    return new Response(await renderToReadableStream(h(Page)), {
      headers: { "content-type": "text/html; charset=utf-8" },
    });
  },
);
