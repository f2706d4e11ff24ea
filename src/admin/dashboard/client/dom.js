// deno-lint-ignore-file no-undef -- what a browser has is not known here
/**
 * Small help with elements. What the pool says is only ever put in as text.
 */

export const byId = (id) => document.getElementById(id);

/** Sets a text; an element that has it already is left alone, so that a selection stays. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets attributes; `null` takes one away. */
export function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null) element.removeAttribute(name);
    else if (element.getAttribute(name) !== `${value}`) {
      element.setAttribute(name, value);
    }
  }
}

/** Makes an element: its attributes, and texts or elements in it. */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** One of the shapes that the page defines; for the eye alone. */
export function makeShape(name) {
  const svg = document.createElementNS(SVG, "svg");
  setAttributes(svg, { class: "shape", "aria-hidden": "true" });
  svg.append(document.createElementNS(SVG, "use"));
  setShape(svg, name);
  return svg;
}

export function setShape(svg, name) {
  setAttributes(svg.firstElementChild, { href: `#shape-${name}` });
}

/** Runs `draw` before the next frame, once, however often it is asked for. */
export function oncePerFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}
