/**
 * How durations are written for people. Pure.
 *
 * @module
 */

/** `48 ms`, `3.2 s`, `5 min`, `2.5 h`: two figures that matter are enough. */
export function roundedDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  const minutes = seconds / 60;
  return minutes < 120
    ? `${Math.round(minutes)} min`
    : `${(minutes / 60).toFixed(1)} h`;
}

/** Returns how long that is, in its two largest units: `"2 h 5 min"`. */
export function durationText(seconds: number): string {
  const units = [[86_400, "d"], [3600, "h"], [60, "min"], [1, "s"]] as const;
  const whole = Math.floor(seconds);
  const first = units.findIndex(([length]) => whole >= length);
  if (first < 0) return "0 s";
  let rest = whole;
  return units.slice(first, first + 2).map(([length, unit]) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return `${count} ${unit}`;
  }).join(" ");
}
