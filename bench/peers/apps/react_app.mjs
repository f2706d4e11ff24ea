// deno-lint-ignore-file explicit-function-return-type -- JavaScript: Node runs it as it is
/**
 * A shop rendered on the server with React: `/shop?products=N` is a page of N
 * products, any other path the page of one.
 */

import { createServer } from "node:http";
import { createRequire } from "node:module";
import process from "node:process";
import { threadId } from "node:worker_threads";

// Not imported: Deno checks this file too, and knows only packages of deno.json.
const require = createRequire(import.meta.url);
const { createContext, createElement: h, useContext, useMemo } = require(
  "react",
);
const { renderToPipeableStream } = require("react-dom/server");

const WORDS = "plain solid oak linen copper round small warm".split(" ");

const Money = createContext(null);

function Price({ cents }) {
  const money = useContext(Money);
  const text = useMemo(() => money.format(cents / 100), [money, cents]);
  return h("span", { className: "price", title: `${cents} cents` }, text);
}

function Stars({ count }) {
  return h(
    "ol",
    { "aria-label": `${count} of 5 stars` },
    [1, 2, 3, 4, 5].map((star) =>
      h("li", { key: star, className: star <= count ? "full" : "empty" }, "★")
    ),
  );
}

function Product({ product }) {
  const { id, name, cents, stars, tags } = product;
  return h(
    "article",
    { id: `product-${id}`, className: stars > 3 ? "card liked" : "card" },
    h("h2", null, h("a", { href: `/product/${id}` }, name)),
    h("img", { src: `/image/${id}.avif`, alt: name, loading: "lazy" }),
    h(Price, { cents }),
    h(Stars, { count: stars }),
    h(
      "ul",
      { className: "tags" },
      tags.map((tag) =>
        h("li", { key: tag }, h("a", { href: `#${tag}` }, tag))
      ),
    ),
    h("form", { action: "/cart", method: "post" }, [
      h("input", { key: "id", type: "hidden", name: "id", value: id }),
      h("button", { key: "add", type: "submit" }, "Put into the cart"),
    ]),
  );
}

function Shop({ count }) {
  const products = Array.from({ length: count }, (_, id) => ({
    id,
    name: `A ${WORDS[id % 8]} <${WORDS[(id >> 3) % 8]}> thing & more`,
    cents: 199 + (id * 7919) % 10_000,
    stars: 1 + id % 5,
    tags: [0, 1, 2].map((offset) => WORDS[(id * 3 + offset) % 8]),
  }));
  return h(
    "html",
    { lang: "en" },
    h("head", null, h("title", null, `${count} things`)),
    h(
      "body",
      null,
      h("header", null, h("h1", null, "Things")),
      h(
        "main",
        null,
        products.map((product) => h(Product, { key: product.id, product })),
      ),
    ),
  );
}

const money = new Intl.NumberFormat("en", {
  style: "currency",
  currency: "EUR",
});

createServer((request, response) => {
  const count = Number(/products=(\d+)$/.exec(request.url)?.[1] ?? 1);
  const page = h(Money.Provider, { value: money }, h(Shop, { count }));
  const { pipe } = renderToPipeableStream(page, {
    onShellReady() {
      response.setHeader("Content-Type", "text/html; charset=utf-8");
      response.setHeader("X-Worker", `${process.pid}-${threadId}`);
      pipe(response);
    },
    onShellError(error) {
      response.statusCode = 500;
      response.end(String(error));
    },
  });
}).listen(Number(process.env.PORT ?? 0), "127.0.0.1");
