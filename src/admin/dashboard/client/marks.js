// deno-lint-ignore-file no-undef -- what a browser has is not known here
/**
 * What happened to the pool, as lines through the charts: what a bend in a
 * curve comes from.
 */

/** What is marked, and in which colour. */
const COLORS = {
  "worker-exited": "--bad",
  "worker-unhealthy": "--bad",
  "reload-started": "--reload",
  "pool-scaled": "--quiet",
};

const MOST_MARKS = 100;

const marks = [];

/** Notes an event if it is one that is marked. */
export function takeMark({ type, time, expected }) {
  const color = COLORS[type];
  if (color === undefined || expected === true) return;
  marks.push({ at: Date.parse(time) / 1000, color });
  if (marks.length > MOST_MARKS) marks.shift();
}

/** Draws them behind the curves of a chart. */
export function drawMarks(chart, colorOf) {
  const { ctx, bbox } = chart;
  const { min, max } = chart.scales.x;
  const ratio = devicePixelRatio;
  ctx.save();
  for (const { at, color } of marks) {
    if (at < min || at > max) continue;
    const x = Math.round(chart.valToPos(at, "x", true));
    ctx.fillStyle = colorOf(color);
    ctx.globalAlpha = 0.45;
    ctx.fillRect(x, bbox.top, Math.max(1, ratio), bbox.height);
    ctx.globalAlpha = 1;
    ctx.beginPath();
    ctx.moveTo(x - 4 * ratio, bbox.top - 4 * ratio);
    ctx.lineTo(x + 5 * ratio, bbox.top - 4 * ratio);
    ctx.lineTo(x + 0.5 * ratio, bbox.top + 3 * ratio);
    ctx.fill();
  }
  ctx.restore();
}
