// The four pictures of a training.

import {
  BLUE, CURVES, DASHES, INK, LINE, SOFT, VERMILLION, axes, begin, classColour, curve, disc, fitting,
  font, legend, lineSample, mark, message, stroke, write,
} from "./canvas.js";
import { percent, short, text } from "./texts.js";

const WARN = "#a33c00";
const MUCH = 0.2; // of the units, dead

export function drawAll(pane, shared) {
  for (const canvas of pane.element.querySelectorAll("canvas")) {
    const drawn = begin(canvas);
    if (drawn.width < 40 || drawn.height < 40) continue;
    canvas.setAttribute("aria-label", canvas.previousElementSibling.textContent);
    PICTURES[canvas.dataset.picture](drawn, pane, shared);
  }
}

const PICTURES = {
  answers: (drawn, pane) => ANSWERS[pane.state.answers.kind](drawn, pane),
  curves: drawCurves,
  activations: drawActivations,
  gradients: drawGradients,
};

const ANSWERS = { plane: drawPlane, confusion: drawConfusion, scatter: drawScatter };

// Answers

function drawPlane({ g, width, height }, { state, points }) {
  const beside = width > height + 130;
  const items = [
    ...points.classes.map((words, i) => ({
      words,
      draw: (on, x, y) => mark(on, x + 10, y, i, true, 4.5),
    })),
    { words: text("training_part"), draw: (on, x, y) => mark(on, x + 10, y, 0, true, 4, SOFT) },
    { words: text("test_part"), draw: (on, x, y) => mark(on, x + 10, y, 0, false, 4, SOFT) },
  ];
  const below = beside ? 0 : 4 + legend(g, 0, -500, width, items);
  const side = Math.min(beside ? width - 130 : width, height - below);
  const left = beside ? Math.max(0, (width - 120 - side) / 2) : (width - side) / 2;
  const [[low, high], [bottom, top]] = points.extent;
  const at = axes(
    g,
    { x: left, y: 0, width: side, height: side },
    { low, high, label: points.names[0] },
    { low: bottom, high: top, label: points.names[1] },
  );
  paintCells(g, at, state.answers, points);
  for (const part of ["test", "train"]) {
    const [xs, ys, kinds] = points[part];
    kinds.forEach((kind, i) => mark(g, at.px(xs[i]), at.py(ys[i]), kind, part === "train"));
  }
  if (!beside) legend(g, 0, side + 4, width, items);
  else items.forEach((each, i) => legend(g, left + side + 14, 24 + 20 * i, 110, [each]));
}

// Each cell in the colour of the answer there, the fainter the less sure it is.
function paintCells(g, at, { classes, shares }, points) {
  const n = points.grid;
  const cells = new ImageData(n, n);
  const least = 100 / points.classes.length;
  classes.forEach((kind, i) => {
    const sure = 0.6 * Math.max(0, (shares[i] - least) / (100 - least));
    const place = 4 * ((n - 1 - Math.floor(i / n)) * n + (i % n));
    const colour = parseInt(classColour(kind).slice(1), 16);
    [colour >> 16, (colour >> 8) & 255, colour & 255].forEach((part, k) => {
      cells.data[place + k] = Math.round(255 + sure * (part - 255));
    });
    cells.data[place + 3] = 255;
  });
  const small = new OffscreenCanvas(n, n);
  small.getContext("2d").putImageData(cells, 0, 0);
  g.drawImage(small, at.left, at.top, at.right - at.left, at.bottom - at.top);
}

function drawConfusion({ g, width, height }, { state, points }) {
  const { counts } = state.answers;
  const names = points.classes;
  font(g, 11.5);
  const widest = Math.max(...names.map((name) => g.measureText(name).width));
  const room = Math.min(90, widest) + 26;
  const cell = Math.floor(Math.min((width - room - 4) / names.length, (height - 42) / names.length));
  const left = Math.max(room, Math.floor((width - cell * names.length + room) / 2));
  const top = 24;
  const every = Math.ceil(13 / cell);
  write(g, fitting(g, text("answer"), width), left + (cell * names.length) / 2, 10, {
    align: "center",
  });
  counts.forEach((row, i) => {
    const total = Math.max(1, row.reduce((sum, each) => sum + each, 0));
    row.forEach((count, j) => paintCount(g, left + j * cell, top + i * cell, cell, count, {
      share: count / total,
      right: i === j,
    }));
    if (i % every) return;
    write(g, fitting(g, names[i], room - 24), left - 6, top + (i + 0.5) * cell, {
      align: "right", base: "middle", colour: INK,
    });
    write(g, fitting(g, names[i], every * cell - 2), left + (i + 0.5) * cell,
      top + cell * names.length + 12, { align: "center", colour: INK });
  });
  g.save();
  g.translate(left - room + 12, top + (cell * names.length) / 2);
  g.rotate(-Math.PI / 2);
  write(g, text("truth"), 0, 0, { align: "center" });
  g.restore();
}

function paintCount(g, x, y, cell, count, { share, right }) {
  const [r, green, b] = right ? [0, 114, 178] : [213, 94, 0];
  g.fillStyle = `rgb(${r} ${green} ${b} / ${count ? 0.12 + 0.78 * share : 0})`;
  g.fillRect(x, y, cell - 1, cell - 1);
  g.strokeStyle = LINE;
  g.strokeRect(x - 0.5, y - 0.5, cell, cell);
  if (!count || cell < 5 + 6 * String(count).length) return;
  font(g, Math.min(12, cell * 0.55));
  write(g, String(count), x + cell / 2, y + cell / 2, {
    align: "center", base: "middle", colour: share > 0.5 ? "#fff" : INK,
  });
  font(g, 11.5);
}

function drawScatter({ g, width, height }, { state }) {
  const { truth, found } = state.answers;
  const all = [...truth, ...found].filter((each) => each !== null);
  const [low, high] = widened(Math.min(...all), Math.max(...all));
  const side = Math.min(width, height);
  const at = axes(
    g,
    { x: (width - side) / 2, y: 0, width: side, height: side },
    { low, high, label: text("true_value") },
    { low, high, label: text("found_value") },
  );
  g.strokeStyle = "#9aa5b0";
  stroke(g, [[at.px(low), at.py(low)], [at.px(high), at.py(high)]]);
  g.fillStyle = "rgb(0 114 178 / 55%)";
  truth.forEach((value, i) => {
    if (found[i] !== null) disc(g, at.px(value), at.py(found[i]), 3);
  });
}

function widened(low, high) {
  const room = 0.06 * (high - low) || 0.5;
  return [low - room, high + room];
}

// Learning curves

// What two panes side by side have in common: the ends of their axes.
export function sharedRanges(panes) {
  const values = (names) =>
    panes.flatMap((pane) => names.flatMap((name) => pane.curves[name])).filter((v) => v !== null);
  const largest = (found, least) => found.reduce((a, b) => Math.max(a, b), least);
  const costs = values(["training_cost", "test_cost"]);
  const scores = values(["training_score", "test_score"]);
  const lowest = scores.reduce((a, b) => Math.min(a, b), 1);
  return {
    epochs: Math.max(1, ...panes.map((pane) => pane.state.epochs)),
    cost: 1.05 * largest(costs, 1e-9),
    score: Math.max(-1, Math.min(0.9, Math.floor(lowest * 10 - 0.5) / 10)),
  };
}

function drawCurves({ g, width, height }, { state, curves, points }, shared) {
  if (!state.epochs) {
    message(g, width, height, text("no_run_yet"));
    return;
  }
  const parts = [["training", BLUE, []], ["test", VERMILLION, [6, 3]]];
  const used = legend(g, 2, 2, width, parts.map(([part, colour, dash]) => ({
    words: text(`${part}_part`), draw: lineSample(colour, dash),
  })));
  const regression = !points.classes.length;
  const panels = [
    ["cost", text("cost_axis"), 0, shared.cost],
    ["score", text(regression ? "r2_axis" : "accuracy_axis"), shared.score, 1.003],
  ];
  const tall = (height - used - 4) / 2;
  panels.forEach(([name, label, low, high], i) => {
    const at = axes(
      g,
      { x: 0, y: used + 4 + i * (tall - 7), width, height: tall + (i ? 7 : -7) },
      { low: 0, high: shared.epochs, whole: true, label: i ? text("epoch") : "" },
      { low, high, label },
    );
    for (const [part, colour, dash] of parts) {
      const pairs = curves[`${part}_${name}`].map((value, epoch) => [epoch + 1, value]);
      curve(g, pairs, at, colour, dash);
    }
  });
}

// Layers

const layerName = (i, n) => (i === n - 1 ? text("output_layer") : text("layer", { n: i + 1 }));

function drawActivations({ g, width, height }, { state }) {
  const n = state.layers.length;
  const most = Math.max(1, Math.floor(width / 118));
  const rows = Math.min(Math.ceil(n / most), Math.max(1, Math.floor(height / 80)));
  const columns = Math.ceil(n / rows);
  const wide = width / columns;
  const tall = height / rows;
  state.layers.forEach((layer, i) => {
    const x = (i % columns) * wide;
    const y = Math.floor(i / columns) * tall;
    const stuck = layer.dead > MUCH && i < n - 1; // outputs that are sure need not learn any more
    const gap = wide < 100 ? 14 : 22;
    drawHistogram(g, x + 3, y + 2, wide - gap, tall - 4, layer, layerName(i, n), stuck);
  });
}

function drawHistogram(g, x, y, width, height, layer, name, stuck) {
  font(g, 12, 600);
  const function_ = text(`activation.${layer.activation}`);
  const whole = `${name} · ${function_}`;
  const title = g.measureText(whole).width <= width ? whole : name;
  write(g, fitting(g, title, width), x, y + 12, { colour: INK });
  font(g, 11.5);
  const what = stuck ? "dead" : "saturated";
  const share = percent(layer[what]);
  const words = text(what, { n: share });
  const shown = g.measureText(words).width <= width ? words : share;
  write(g, shown, x, y + 27, { colour: stuck ? WARN : SOFT });
  const bottom = y + height - 16;
  const high = Math.max(...layer.shares);
  const bar = width / layer.shares.length;
  g.fillStyle = BLUE;
  layer.shares.forEach((share, i) => {
    const tall = high ? (share / high) * (bottom - y - 34) : 0;
    g.fillRect(x + i * bar, bottom - tall, Math.max(1, bar - 1), tall);
  });
  g.strokeStyle = "#9aa5b0";
  stroke(g, [[x, bottom], [x + width, bottom]]);
  write(g, short(layer.low), x, bottom + 13);
  write(g, short(layer.high), x + width, bottom + 13, { align: "right" });
}

function drawGradients({ g, width, height }, { state }, shared) {
  const n = state.layers.length;
  const sizes = state.gradients.flatMap((row) => row.slice(1)).filter((each) => each > 0);
  if (!sizes.length) {
    message(g, width, height, text("all_zero"));
    return;
  }
  const low = Math.max(-12, Math.floor(Math.log10(sizes.reduce((a, b) => Math.min(a, b)))));
  const high = Math.max(low + 1, Math.ceil(Math.log10(sizes.reduce((a, b) => Math.max(a, b)))));
  const style = (i) => [CURVES[i % CURVES.length], DASHES[i % DASHES.length]];
  const used = legend(g, 2, 2, width, state.layers.map((_, i) => ({
    words: layerName(i, n), draw: lineSample(...style(i)),
  })));
  const at = axes(
    g,
    { x: 0, y: used + 4, width, height: height - used - 4 },
    { low: 0, high: shared.epochs, whole: true, label: text("epoch") },
    { low, high, log: true, label: text("gradient_axis") },
  );
  for (let i = 0; i < n; i += 1) {
    const pairs = state.gradients.map((row) => [row[0], row[i + 1] > 0 ? row[i + 1] : null]);
    curve(g, pairs, at, ...style(i));
  }
}
