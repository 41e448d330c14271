// Sliders and selects for all that the server says may be chosen.

import { has, short, text } from "./texts.js";

const ENCODINGS = ["utf-8", "gbk", "gb18030", "big5", "utf-16", "cp1252"];
const UNITS = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 30, 32, 40, 48, 64, 80, 100, 128, 192, 256];
const BATCHES = [1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 64, 100, 128, 200, 256, 300, 512, 1024];

// Numbers 1, 2, 5, 10, ... from low to high.
function rounds(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const each of [1, 2, 5]) found.push(Number(`${each}e${power}`));
  }
  return found.filter((each) => each >= low && each <= high);
}

function evenly(low, high, step) {
  const n = Math.round((high - low) / step);
  return Array.from({ length: n + 1 }, (_, i) => Number((low + i * step).toFixed(4)));
}

// What a slider stops at; the server's bounds are the ends.
function stops(fields, name) {
  const [low, high] = fields[name];
  const made = {
    noise: () => evenly(low, high, 0.01),
    dropout: () => evenly(low, high, 0.05),
    learning_rate: () => rounds(low, high),
    l1: () => [0, ...rounds(1e-3, high)],
    l2: () => [0, ...rounds(1e-3, high)],
    epochs: () => rounds(low, high),
    batch_size: () => BATCHES.filter((each) => each >= low && each <= high),
  };
  return made[name]();
}

export class Controls {
  // `changed(changes)` is called when something was chosen, `dropped(file, options)` with a table.
  constructor(form, options, changed, dropped) {
    Object.assign(this, { form, options, changed, dropped, file: null, asked: {} });
    this.wantsTable = false;
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  // `points` says what the data are; of a regression the cost is given.
  show(settings, points = this.points) {
    this.settings = settings;
    this.points = points;
    this.tableName = points.file || this.tableName || "";
    const focused = document.activeElement?.id;
    this.form.replaceChildren(
      this.group("data", this.dataControls()),
      this.group("network", this.networkControls()),
      this.group("training", this.trainingControls()),
    );
    if (focused) document.getElementById(focused)?.focus();
  }

  group(title, controls) {
    const group = document.createElement("fieldset");
    const legend = document.createElement("legend");
    legend.textContent = text(title);
    group.append(legend, ...controls.filter(Boolean));
    return group;
  }

  dataControls() {
    const { data } = this.settings;
    const names = [...this.options.available, "table"];
    const chosen = this.wantsTable ? "table" : data;
    const select = this.select("data", names, chosen, (name) => {
      this.wantsTable = name === "table" && !this.tableName;
      if (this.wantsTable) this.show(this.settings);
      else this.changed({ ...this.options.suiting[name], seed: this.settings.seed });
    });
    const made = !["digits", "mnist", "table"].includes(chosen);
    return [select, made && this.slider("noise"), chosen === "table" && this.tablePanel()];
  }

  networkControls() {
    const { hidden } = this.settings;
    const counts = evenly(0, this.options.most_layers, 1);
    const layers = this.slider("layers", counts, hidden.length, (n) => {
      const last = hidden.at(-1) ?? 8;
      this.changed({ hidden: counts.slice(0, n).map((_, i) => hidden[i] ?? last) });
    });
    const [low, high] = this.options.units;
    const units = hidden.map((value, i) =>
      this.slider("units", UNITS.filter((n) => n >= low && n <= high), value, (n) =>
        this.changed({ hidden: hidden.map((old, k) => (k === i ? n : old)) }), i + 1));
    return [
      layers, ...units, this.choice("activation"), this.choice("normalization"),
      this.choice("initializer"), this.points.classes.length > 0 && this.choice("cost"),
      this.slider("dropout"),
    ];
  }

  trainingControls() {
    const optimizer = this.choice("optimizer", (name) =>
      this.changed({ optimizer: name, learning_rate: this.options.rates[name] }));
    return [
      optimizer, this.slider("learning_rate"), this.slider("batch_size"), this.slider("l1"),
      this.slider("l2"), this.slider("epochs"), this.seed(),
    ];
  }

  // A labelled control.
  control(id, words, input, value = null) {
    const label = document.createElement("label");
    label.className = "control";
    const line = document.createElement("span");
    line.append(words);
    if (value) line.append(value);
    input.id = `control-${id}`;
    if (id === "data") input.setAttribute("aria-label", words); // its group has the same title
    else label.append(line);
    label.append(input);
    return label;
  }

  slider(name, values = stops(this.options.fields, name), value = this.settings[name],
    chosen = (found) => this.changed({ [name]: found }), number = 0) {
    const all = [...new Set([...values, value])].sort((a, b) => a - b);
    const input = document.createElement("input");
    input.type = "range";
    Object.assign(input, { min: 0, max: all.length - 1, step: 1, value: all.indexOf(value) });
    const output = document.createElement("output");
    const say = () => {
      output.textContent = short(all[input.value]);
      input.setAttribute("aria-valuetext", output.textContent);
    };
    input.addEventListener("input", say);
    input.addEventListener("change", () => chosen(all[input.value]));
    say();
    return this.control(number ? `${name}-${number}` : name, text(name, { n: number }), input, output);
  }

  select(name, names, value, chosen) {
    const select = document.createElement("select");
    for (const each of names) {
      const key = `${name}.${each}`;
      select.add(new Option(has(key) ? text(key) : each, each, false, each === value));
    }
    select.addEventListener("change", () => chosen(select.value));
    return this.control(name, text(name), select);
  }

  choice(name, chosen = (value) => this.changed({ [name]: value })) {
    const control = this.select(name, this.options.fields[name], this.settings[name], chosen);
    control.classList.toggle("half", name === "activation" || name === "normalization");
    return control;
  }

  seed() {
    const [low, high] = this.options.fields.seed;
    const input = document.createElement("input");
    Object.assign(input, { type: "number", min: low, max: high, step: 1 });
    input.value = this.settings.seed;
    input.addEventListener("change", () => this.changed({ seed: Number(input.value) }));
    const another = document.createElement("button");
    another.type = "button";
    another.textContent = text("new_seed");
    another.addEventListener("click", () =>
      this.changed({ seed: low + Math.floor(Math.random() * (high - low + 1)) }));
    const control = this.control("seed", text("seed"), input);
    const line = document.createElement("div");
    line.className = "with-button";
    line.append(input, another);
    control.append(line);
    return control;
  }

  // One's own table

  tablePanel() {
    const panel = document.createElement("div");
    panel.className = "table";
    const where = document.createElement("p");
    const label = document.createElement("label");
    label.className = "file";
    const input = document.createElement("input");
    Object.assign(input, { type: "file", accept: ".csv,.tsv,.txt", id: "table-file" });
    input.addEventListener("change", () => input.files.length && this.take(input.files[0]));
    label.append(text("choose_file"), input);
    const name = document.createElement("strong");
    name.textContent = this.file?.name ?? this.tableName;
    where.append(name, name.textContent ? " · " : "", text("drop"), " ", label);
    const note = document.createElement("p");
    note.textContent = text("table_note");
    panel.append(where, ...this.tableOptions(), note);
    return panel;
  }

  tableOptions() {
    const target = document.createElement("input");
    Object.assign(target, { type: "text", placeholder: text("target_hint") });
    target.value = this.asked.target ?? "";
    target.addEventListener("change", () => this.ask("target", target.value.trim()));
    const options = [
      this.control("target", text("target"), target),
      this.tableSelect("task", ["classification", "regression"]),
      this.tableSelect("encoding", ENCODINGS),
      this.tableSelect("header", ["yes", "no"]),
    ];
    for (const each of options) each.classList.add("half");
    return options;
  }

  tableSelect(name, names) {
    return this.select(name, ["auto", ...names], this.asked[name] ?? "auto", (value) =>
      this.ask(name, value === "auto" ? "" : value));
  }

  // Read the same table another way.
  ask(name, value) {
    if (value) this.asked[name] = value;
    else delete this.asked[name];
    if (this.file) this.dropped(this.file, this.asked);
  }

  // Take a new file, of which nothing is known yet.
  take(file) {
    this.file = file;
    this.asked = {};
    this.wantsTable = true;
    this.dropped(file, this.asked);
  }
}
