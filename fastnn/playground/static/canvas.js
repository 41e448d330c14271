// Axes, legends and colours on a canvas.

import { short } from "./texts.js";

// Okabe and Ito, "Color Universal Design", 2008: told apart by all kinds of colour vision.
export const BLUE = "#0072b2";
export const VERMILLION = "#d55e00";
export const CURVES = [BLUE, VERMILLION, "#009e73", "#000000", "#cc79a7", "#e69f00", "#56b4e9"];
export const DASHES = [[], [6, 3], [8, 3, 2, 3], [2, 3], [10, 4], [4, 2], [1, 2]];
const CLASSES = [BLUE, "#e69f00", "#009e73", "#cc79a7", "#56b4e9", VERMILLION, "#3d3d3d"];
const SHAPES = ["circle", "triangle", "square", "diamond", "pentagon"];
export const INK = "#1f2a35";
export const SOFT = "#566270";
export const LINE = "#e3e7ea";
const FONT = getComputedStyle(document.documentElement).fontFamily;

export const classColour = (i) => CLASSES[i % CLASSES.length];

// Clear a canvas, as many pixels as the screen has for it.
export function begin(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { width, height } = canvas.getBoundingClientRect();
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  font(g, 12);
  return { g, width, height };
}

export function font(g, size, weight = 400) {
  g.font = `${weight} ${size}px ${FONT}`;
}

export function write(g, words, x, y, { align = "left", colour = SOFT, base = "alphabetic" } = {}) {
  g.fillStyle = colour;
  g.textAlign = align;
  g.textBaseline = base;
  g.fillText(words, x, y);
}

// `words` cut off with an ellipsis where they are wider than `width`.
export function fitting(g, words, width) {
  if (g.measureText(words).width <= width) return words;
  let cut = words;
  while (cut && g.measureText(`${cut}…`).width > width) cut = cut.slice(0, -1);
  return `${cut}…`;
}

export function message(g, width, height, words) {
  write(g, fitting(g, words, width), width / 2, height / 2, { align: "center" });
}

// Round numbers from low to high, about as many as asked for.
function ticks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power;
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1) {
    found.push(i * step);
  }
  return found;
}

function powers(low, high, count) {
  const first = Math.ceil(low - 1e-9);
  const last = Math.floor(high + 1e-9);
  const step = Math.max(1, Math.ceil((last - first) / Math.max(1, count)));
  const found = [];
  for (let power = first; power <= last; power += step) found.push(power);
  return found;
}

// Draw axes in `area` {x, y, width, height}; `x` and `y` are {low, high, label, log, whole}, where
// low and high of a log axis are powers of ten. Return where points are.
export function axes(g, area, x, y) {
  font(g, 11.5);
  const top = area.y + (y.label ? 25 : 6);
  const bottom = area.y + area.height - (x.label ? 31 : 17);
  const count = Math.max(2, Math.floor((bottom - top) / 42));
  const ups = y.log ? powers(y.low, y.high, count) : ticks(y.low, y.high, count);
  const upWords = ups.map((each) => (y.log ? short(10 ** each) : short(each)));
  const left = area.x + Math.max(...upWords.map((each) => g.measureText(each).width), 8) + 6;
  const right = area.x + area.width - 14;
  const px = (value) => left + ((value - x.low) / (x.high - x.low)) * (right - left);
  const py = (value) => {
    const at = y.log ? Math.log10(Math.max(value, 1e-300)) : value;
    return bottom - ((at - y.low) / (y.high - y.low)) * (bottom - top);
  };
  g.strokeStyle = LINE;
  g.lineWidth = 1;
  ups.forEach((each, i) => {
    const at = py(y.log ? 10 ** each : each);
    stroke(g, [[left, at], [right, at]]);
    write(g, upWords[i], left - 5, at, { align: "right", base: "middle" });
  });
  const widest = Math.max(g.measureText(short(x.high)).width, g.measureText(short(x.low)).width);
  const across = ticks(x.low, x.high, Math.max(1, Math.floor((right - left) / (widest + 26))));
  for (const each of across.filter((value) => !x.whole || Number.isInteger(value))) {
    write(g, short(each), px(each), bottom + 13, { align: "center" });
    stroke(g, [[px(each), bottom], [px(each), bottom + 3]]);
  }
  g.strokeStyle = "#9aa5b0";
  stroke(g, [[left, bottom], [right, bottom]]);
  if (y.label) write(g, fitting(g, y.label, area.width), area.x, area.y + 11);
  if (x.label) {
    const label = fitting(g, x.label, right - left);
    write(g, label, (left + right) / 2, area.y + area.height - 4, { align: "center" });
  }
  return { px, py, left, right, top, bottom };
}

export function stroke(g, points) {
  g.beginPath();
  points.forEach(([x, y], i) => (i ? g.lineTo(x, y) : g.moveTo(x, y)));
  g.stroke();
}

// A curve through pairs, of which those without a number are gaps; a single point is a dot.
export function curve(g, pairs, at, colour, dash) {
  g.save();
  g.beginPath();
  g.rect(at.left - 4, at.top - 4, at.right - at.left + 8, at.bottom - at.top + 8);
  g.clip();
  g.strokeStyle = colour;
  g.fillStyle = colour;
  g.lineWidth = 1.8;
  g.lineJoin = "round";
  g.setLineDash(dash);
  const some = pairs.filter(([, value]) => value !== null);
  const step = Math.max(1, Math.ceil(some.length / (2 * (at.right - at.left))));
  const shown = some.filter((_, i) => i % step === 0 || i === some.length - 1);
  stroke(g, shown.map(([x, value]) => [at.px(x), at.py(value)]));
  if (shown.length === 1) disc(g, at.px(shown[0][0]), at.py(shown[0][1]), 3.5);
  g.restore();
}

export function disc(g, x, y, radius) {
  g.beginPath();
  g.arc(x, y, radius, 0, 2 * Math.PI);
  g.fill();
}

// A legend in lines of at most `width`; items are {words, draw(g, x, y)}. Return its height.
export function legend(g, x, y, width, items) {
  font(g, 11.5);
  let across = 0;
  let line = 0;
  for (const { words, draw } of items) {
    const shown = fitting(g, words, width - 24);
    const wide = 24 + g.measureText(shown).width + 12;
    if (across && across + wide - 12 > width) {
      across = 0;
      line += 1;
    }
    draw(g, x + across, y + 16 * line + 8);
    write(g, shown, x + across + 24, y + 16 * line + 8, { colour: INK, base: "middle" });
    across += wide;
  }
  return items.length ? 16 * (line + 1) : 0;
}

export const lineSample = (colour, dash) => (g, x, y) => {
  g.save();
  g.strokeStyle = colour;
  g.lineWidth = 2;
  g.setLineDash(dash);
  stroke(g, [[x, y], [x + 20, y]]);
  g.restore();
};

// The mark of a class: filled for training rows, an outline for those of the test.
export function mark(g, x, y, kind, filled, size = 3.2, colour = classColour(kind)) {
  const shape = SHAPES[kind % SHAPES.length];
  g.beginPath();
  if (shape === "circle") g.arc(x, y, size, 0, 2 * Math.PI);
  if (shape === "square") g.rect(x - 0.9 * size, y - 0.9 * size, 1.8 * size, 1.8 * size);
  if (shape === "triangle") polygon(g, x, y + 0.2 * size, 3, 1.25 * size);
  if (shape === "diamond") polygon(g, x, y, 4, 1.25 * size);
  if (shape === "pentagon") polygon(g, x, y, 5, 1.2 * size);
  g.closePath();
  g.lineWidth = filled ? 1 : 1.5;
  g.fillStyle = filled ? colour : "rgb(255 255 255 / 75%)";
  g.strokeStyle = filled ? "#fff" : colour;
  g.fill();
  g.stroke();
}

function polygon(g, x, y, corners, radius) {
  for (let i = 0; i < corners; i += 1) {
    const angle = (2 * Math.PI * i) / corners - Math.PI / 2;
    g[i ? "lineTo" : "moveTo"](x + radius * Math.cos(angle), y + radius * Math.sin(angle));
  }
}
