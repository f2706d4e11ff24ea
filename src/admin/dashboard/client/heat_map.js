// deno-lint-ignore-file no-undef -- what a browser has is not known here
/**
 * Requests of each worker over time: a row for each slot, the darker the more.
 * A slot without a ready worker has a line through it.
 */

import { colorOf } from "./chart_options.js";
import { byId, setAttributes, setText } from "./dom.js";
import { compact, timeOfDay } from "./format.js";
import { samples, shownRange } from "./pool_history.js";

/** Height of a row, in pixels of a style sheet at 12 px text: what there is room for, within bounds. */
const MOST_ROW_PX = 18;
const LEAST_ROW_PX = 5;
const ALL_ROWS_PX = 220;

/** Least height of a row that has room for its number. */
const LABELLED_ROW_PX = 12;

/** Room for the numbers of the slots. */
const LABEL_PX = 26;

const slotsOf = ({ workers }) => [...workers.keys()].sort((a, b) => a - b);

export function startHeatMap() {
  const canvas = byId("heat-map");
  canvas.addEventListener("pointermove", (event) => {
    read(canvas, event.offsetX, event.offsetY);
  });
  canvas.addEventListener("pointerleave", () => setText(byId("heat-read"), ""));
}

export function drawHeatMap() {
  const canvas = byId("heat-map");
  const columns = samples();
  const slots = slotsOf(columns);
  const layout = layoutOf(canvas, slots.length);
  const { width, height, row, scale } = layout;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  const ctx = canvas.getContext("2d");
  ctx.scale(devicePixelRatio, devicePixelRatio);
  const most = Math.max(
    1,
    ...slots.flatMap((slot) => columns.workers.get(slot)),
  );
  const paint = {
    heat: colorOf(canvas.parentElement, "--heat"),
    empty: colorOf(canvas.parentElement, "--line"),
    gap: colorOf(canvas.parentElement, "--bad"),
    text: colorOf(canvas.parentElement, "--quiet"),
  };
  ctx.font = `${11 * scale}px ${getComputedStyle(canvas).fontFamily}`;
  ctx.textBaseline = "middle";
  slots.forEach((slot, index) => {
    const y = index * row;
    const rates = columns.workers.get(slot);
    drawRow(ctx, rates, { ...layout, slot, y, most, paint, columns });
    if (row < LABELLED_ROW_PX * scale && index % 4 !== 0) return;
    ctx.globalAlpha = 1;
    ctx.fillStyle = paint.text;
    ctx.fillText(`${slot}`, 2, y + row / 2);
  });
  setText(byId("heat-most"), `${compact(most)}/s`);
  const [from, to] = shownRange();
  setText(byId("heat-from"), timeOfDay(from * 1000));
  setText(byId("heat-to"), timeOfDay(to * 1000));
  setAttributes(canvas, {
    "aria-label": `Requests per second of ${slots.length} workers over time, ` +
      `${compact(most)} at most. The tiles above have the figures of now.`,
  });
}

function layoutOf(canvas, rows) {
  const scale = parseFloat(getComputedStyle(canvas).fontSize) / 12;
  const width = canvas.parentElement.clientWidth;
  const row = scale * Math.min(
    MOST_ROW_PX,
    Math.max(LEAST_ROW_PX, Math.floor(ALL_ROWS_PX / Math.max(1, rows))),
  );
  const [from, to] = shownRange();
  const left = LABEL_PX * scale;
  const xOf = (at) => left + (at - from) / (to - from) * (width - left);
  return { scale, width, height: Math.max(row, rows * row), row, left, xOf };
}

function drawRow(
  ctx,
  rates,
  { slot, y, row, left, xOf, most, paint, columns },
) {
  const height = row > 8 ? row - 2 : row - 1;
  const { at, down } = columns;
  const first = xOf(at[0] - ((at[1] ?? Infinity) - at[0]));
  rates.forEach((rate, index) => {
    const start = Math.max(left, index === 0 ? first : xOf(at[index - 1]));
    const length = Math.max(0.5, xOf(at[index]) - start + 0.3);
    // There was no such slot.
    if (rate === null) return;
    ctx.globalAlpha = 0.5;
    ctx.fillStyle = paint.empty;
    ctx.fillRect(start, y, length, height);
    // The eye tells few from none better than many from more.
    ctx.globalAlpha = Math.sqrt(rate / most);
    ctx.fillStyle = paint.heat;
    ctx.fillRect(start, y, length, height);
    if (!down[index].includes(slot)) return;
    ctx.globalAlpha = 1;
    ctx.fillStyle = paint.gap;
    ctx.fillRect(start, y + height / 2 - 1, length, 2);
  });
}

/** Says what is under the pointer. */
function read(canvas, x, y) {
  const columns = samples();
  const slots = slotsOf(columns);
  const { row, xOf } = layoutOf(canvas, slots.length);
  const slot = slots[Math.floor(y / row)];
  const index = columns.at.findIndex((at) => xOf(at) >= x);
  if (slot === undefined || index < 0) return;
  const rate = columns.workers.get(slot)[index];
  const what = rate === null
    ? "not there"
    : columns.down[index].includes(slot)
    ? `${compact(rate)}/s, not ready`
    : `${compact(rate)}/s`;
  const when = timeOfDay(columns.at[index] * 1000);
  setText(byId("heat-read"), `worker ${slot} at ${when}: ${what}`);
}
