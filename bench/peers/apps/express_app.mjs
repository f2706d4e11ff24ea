// deno-lint-ignore-file explicit-function-return-type -- JavaScript: Node runs it as it is
/**
 * A search with Express 5, behind the usual middleware: `/orders?limit=N` is N
 * orders as JSON, sorted as people sort, with totals for each customer; `/` is
 * one.
 */

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import process from "node:process";
import { threadId } from "node:worker_threads";

// Not imported: Deno checks this file too, and knows only packages of deno.json.
const express = createRequire(import.meta.url)("express");

const NAMES = "Ada Ågot Bo Élodie Émile Łucja Øyvind Zoë ada zoe".split(" ");
const STATES = ["open", "paid", "sent", "returned"];
const CENTS = 100;

const collator = new Intl.Collator("en", { numeric: true });
const date = new Intl.DateTimeFormat("en", { dateStyle: "medium" });

const app = express();
app.use(express.json());
app.use(express.urlencoded({ extended: true }));
app.use((request, response, next) => {
  response.set("X-Request-Id", request.get("X-Request-Id") ?? randomUUID());
  response.set("X-Worker", `${process.pid}-${threadId}`);
  response.set("X-Content-Type-Options", "nosniff");
  next();
});

const orders = express.Router();
orders.get("/", (request, response) => {
  const found = search(Number(request.query.limit ?? 1));
  response.json({ orders: found.map(shown), customers: totals(found) });
});
app.use("/orders", orders);
app.get("/", (_request, response) => response.json(search(1).map(shown)));
// Four parameters are how Express knows that it handles errors.
app.use((error, _request, response, _next) => {
  response.status(500).json({ error: error.message });
});
app.listen(Number(process.env.PORT ?? 0), "127.0.0.1");

/** What a database would return, by customer and then newest first. */
function search(limit) {
  const found = Array.from({ length: limit }, (_, id) => ({
    id,
    customer: `${NAMES[(id * 7919) % NAMES.length]} ${id % 97}`,
    state: STATES[id % STATES.length],
    at: Date.UTC(2026, id % 12, 1 + id % 28),
    lines: Array.from({ length: 1 + id % 5 }, (_, line) => ({
      sku: `SKU-${(id * 31 + line * 17) % 1000}`,
      count: 1 + (id + line) % 3,
      cents: 199 + (id * 7919 + line) % 10_000,
    })),
  }));
  return found.sort((a, b) =>
    collator.compare(a.customer, b.customer) || b.at - a.at
  );
}

function total({ lines }) {
  return lines.reduce((sum, { count, cents }) => sum + count * cents, 0);
}

function shown(order) {
  return {
    ...order,
    at: date.format(order.at),
    total: total(order) / CENTS,
    href: `/orders/${order.id}`,
  };
}

function totals(found) {
  const sums = new Map();
  for (const order of found) {
    sums.set(order.customer, (sums.get(order.customer) ?? 0) + total(order));
  }
  return [...sums].map(([customer, cents]) => ({
    customer,
    total: cents / CENTS,
  }));
}
