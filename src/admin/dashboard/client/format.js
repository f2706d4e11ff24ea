/** How figures are written. What is not known is a dash. */

export const UNKNOWN = "–";

/** With thousands separated: `12,543`. */
export function number(value, digits = 0) {
  if (value === null || value === undefined) return UNKNOWN;
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** Two or three figures that matter: `0.4`, `52.8`, `211`, `12.5k`. */
export function compact(value) {
  if (value === null || value === undefined) return UNKNOWN;
  if (value === 0) return "0";
  if (value >= 9_999_500) return `${number(value / 1e6, 1)}M`;
  if (value >= 9999.5) return `${number(value / 1000, 1)}k`;
  const digits = Number.isInteger(value) || value >= 99.95 ? 0 : 1;
  return number(value, value < 0.1 ? 2 : digits);
}

/** `0.42 ms`, `2.2 ms`, `211 ms`, `1.4 s`. */
export function milliseconds(value) {
  if (value === null || value === undefined) return UNKNOWN;
  if (value >= 1000) return `${number(value / 1000, 1)} s`;
  return `${number(value, value < 1 ? 2 : value < 100 ? 1 : 0)} ms`;
}

/** `33 MiB`, `1.2 GiB`. */
export function bytes(value) {
  if (value === null || value === undefined) return UNKNOWN;
  const mebibytes = value / 2 ** 20;
  return mebibytes < 1000
    ? `${number(mebibytes)} MiB`
    : `${number(mebibytes / 1024, 1)} GiB`;
}

/** A ratio: `25 %`. */
export function percent(ratio) {
  if (ratio === null || !Number.isFinite(ratio)) return UNKNOWN;
  const value = ratio * 100;
  return `${number(value, value > 0 && value < 9.95 ? 1 : 0)} %`;
}

const UNITS = [[86_400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

/** The two largest units: `2 h 14 min`. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  const at = UNITS.findIndex(([length]) => seconds >= length);
  if (at < 0) return "0 s";
  return UNITS.slice(at, at + 2).map(([length, unit], index) => {
    const whole = index === 0 ? seconds : seconds % UNITS[at][0];
    return `${Math.floor(whole / length)} ${unit}`;
  }).join(" ");
}

/** The same where there is little room: `2h 14m`. */
export const shortDuration = (seconds) =>
  duration(seconds).replace(" min", "m").replace(/ ([dhs])/g, "$1");

/** `14:03:59`, in the reader's time zone. */
export const timeOfDay = (time) => new Date(time).toLocaleTimeString("en-GB");

/** `14:03`. */
export const minuteOfDay = (time) => timeOfDay(time).slice(0, 5);

/** `1 worker`, `2 workers`. */
export const counted = (count, noun) =>
  `${number(count)} ${noun}${count === 1 ? "" : "s"}`;
