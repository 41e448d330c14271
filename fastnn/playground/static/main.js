// The page: two panes, what they show, and what the buttons do.

import { Controls } from "./controls.js";
import { drawAll, sharedRanges } from "./pictures.js";
import { Refusal, get, post, send } from "./server.js";
import { fillTexts, loadTexts, otherLanguage, percent, said, short, text } from "./texts.js";

const BUSY = 110; // milliseconds between two looks while a network trains
const IDLE = 500;

const $ = (id) => document.getElementById(id);
const panes = {};
let active = "a";
let two = false;
let controls;

function newPane(name) {
  const element = $("pane").content.firstElementChild.cloneNode(true);
  element.dataset.pane = name;
  element.querySelector(".letter").textContent = name.toUpperCase();
  $("stage").append(element);
  return { name, element, run: 0, version: 0, curves: emptyCurves(), state: null, points: null };
}

const emptyCurves = () => ({ training_cost: [], test_cost: [], training_score: [], test_score: [] });
const visible = () => (two ? [panes.a, panes.b] : [panes.a]);

// What the server shows

async function look() {
  const query = {};
  for (const { name, run, version, state } of visible()) {
    query[name] = `${run}.${state?.epochs ?? 0}.${version}`;
  }
  const answers = await get("api/state", query);
  let news = false;
  for (const pane of visible()) news = (await take(pane, answers[pane.name])) || news;
  if (news) show();
}

// Take an answer; return whether there was anything new in it.
async function take(pane, answer) {
  if (!answer || (answer.run === pane.run && answer.version === pane.version)) return false;
  if (answer.run !== pane.run || !pane.points) {
    const points = await get("api/points", { pane: pane.name });
    if (points.run !== answer.run) return false; // another one began meanwhile
    Object.assign(pane, { points, run: answer.run });
  }
  for (const [name, values] of Object.entries(answer.curves)) {
    pane.curves[name].length = answer.from;
    pane.curves[name].push(...values);
  }
  Object.assign(pane, { state: answer, version: answer.version });
  return true;
}

let shownSettings = "";

function show() {
  const shown = visible().filter((pane) => pane.state);
  const shared = sharedRanges(shown);
  for (const pane of shown) {
    showNumbers(pane);
    drawAll(pane, shared);
  }
  const running = shown.some((pane) => pane.state.status === "running");
  $("run").textContent = text(running ? "pause" : "run");
  $("run").dataset.running = running;
  showSettings();
}

// The settings of the active pane, unless they stand there already.
function showSettings(anew = false) {
  const { state, points } = panes[active];
  if (!state) return;
  const now = JSON.stringify([active, state.settings, points.file, points.classes]);
  if (now === shownSettings && !anew) return;
  shownSettings = now;
  if (points.file) controls.wantsTable = false;
  controls.show(state.settings, points);
}

function showNumbers({ element, state, points, curves }) {
  const regression = !points.classes.length;
  const last = (name) => (state.epochs ? curves[name].at(-1) : null);
  const score = regression ? short : percent;
  const numbers = [
    ["epochs", text("epoch_count"), String(state.epochs)],
    ["training_score", text(regression ? "training_r2" : "training_accuracy"),
      score(last("training_score"))],
    ["test_score", text(regression ? "test_r2" : "test_accuracy"), score(last("test_score"))],
    ["test_cost", text("test_cost"), short(last("test_cost"))],
  ];
  element.querySelector(".numbers").replaceChildren(...numbers.map(([name, words, value]) => {
    const group = document.createElement("div");
    const term = document.createElement("dt");
    const number = document.createElement("dd");
    term.textContent = words;
    number.textContent = value;
    number.dataset.number = name;
    group.append(term, number);
    return group;
  }));
  const sizes = [points.features, ...state.settings.hidden, points.classes.length || 1].join("-");
  const [train, test] = points.rows;
  element.querySelector(".summary").textContent =
    text("summary", { sizes, n: state.parameters, train, test });
  const bad = ["diverged", "failed"].includes(state.status);
  const status = element.querySelector(".status");
  status.classList.toggle("bad", bad);
  status.dataset.status = state.status;
  const words = text(`status.${state.status}`);
  status.textContent = state.detail ? text("because", { words, detail: said(state.detail) }) : words;
  status.hidden = !bad;
  element.querySelector(".letter").hidden = !two;
  element.querySelector("figcaption").textContent = text(`answers_${state.answers.kind}`);
}

async function keepLooking() {
  for (;;) {
    try {
      await look();
      if ($("notice").dataset.code === "error_unreachable") $("notice").hidden = true;
    } catch (error) {
      complain(error);
    }
    const running = visible().some((pane) => pane.state?.status === "running");
    await new Promise((done) => setTimeout(done, running ? BUSY : IDLE));
  }
}

// What one does

let doing = Promise.resolve();

// Do something once all before it is done, as each begins from what the one before has left.
function attempt(action) {
  doing = doing.then(() => attemptNow(action));
  return doing;
}

// Do something, and say in words why it could not be done.
async function attemptNow(action) {
  try {
    await action();
    $("notice").hidden = true;
  } catch (error) {
    complain(error);
  }
  try {
    await look();
    showSettings(true);
  } catch (error) {
    complain(error);
  }
}

function complain(error) {
  if (!(error instanceof Refusal)) throw error;
  Object.assign($("notice").dataset, { code: error.code, detail: error.detail ?? "" });
  $("notice").hidden = false;
  showNotice();
}

function showNotice() {
  const { code, detail } = $("notice").dataset;
  if (!code) return;
  $("notice-words").textContent = text(code);
  $("notice-detail").textContent = detail ? text("library_said", { detail: said(detail) }) : "";
}

const both = new Set(["data", "noise"]); // the same on both sides, or there is nothing to compare

function changed(changes) {
  const shared = Object.keys(changes).some((name) => both.has(name));
  const concerned = two && shared ? visible() : [panes[active]];
  return attempt(async () => {
    for (const pane of concerned) {
      await post("api/settings", {
        pane: pane.name,
        settings: { ...pane.state.settings, ...changes },
      });
    }
  });
}

const order = (command, names = visible().map((pane) => pane.name)) =>
  attempt(() => post("api/order", { panes: names, command }));

const dropped = (file, options) =>
  attempt(async () => {
    await send("api/table", file, { name: file.name, ...options });
    controls.wantsTable = false;
  });

function compare() {
  two = !two;
  document.body.classList.toggle("two", two);
  $("compare").setAttribute("aria-pressed", two);
  panes.b.element.hidden = !two;
  $("tabs").hidden = !two;
  activate("a");
  if (panes.a.state) show();
  if (two) attempt(likeTheFirst);
  else order("pause", ["b"]);
}

// Have the second training begin as the first, unless it is at work on the same data.
async function likeTheFirst() {
  await look();
  const { settings } = panes.a.state;
  const { epochs, settings: others } = panes.b.state;
  if (!epochs || others.data !== settings.data || others.noise !== settings.noise) {
    await post("api/settings", { pane: "b", settings });
  }
}

function activate(name) {
  active = name;
  for (const tab of document.querySelectorAll(".tab")) {
    tab.setAttribute("aria-pressed", tab.dataset.pane === name);
  }
  showSettings();
}

function language() {
  otherLanguage();
  fillTexts();
  showSpeeds();
  showNotice();
  show();
  showSettings(true);
}

function showSpeeds() {
  const chosen = $("speed").value || "medium";
  $("speed").replaceChildren(...controls.options.speeds.map((each) =>
    new Option(text(`speed.${each}`), each, false, each === chosen)));
}

async function showProgram() {
  const { program } = await get("api/program", { pane: active });
  $("program-text").textContent = program;
  $("program-pane").textContent = two ? active.toUpperCase() : "";
  $("copy").textContent = text("copy");
  $("program").showModal();
}

async function copyProgram() {
  await navigator.clipboard.writeText($("program-text").textContent);
  $("copy").textContent = text("copied");
}

function listen() {
  $("run").addEventListener("click", () =>
    order($("run").dataset.running === "true" ? "pause" : "run"));
  $("step").addEventListener("click", () => order("step"));
  $("reset").addEventListener("click", () => order("reset"));
  $("speed").addEventListener("change", () => order($("speed").value, ["a", "b"]));
  $("compare").addEventListener("click", compare);
  $("language").addEventListener("click", language);
  $("show-program").addEventListener("click", () => attempt(showProgram));
  $("copy").addEventListener("click", copyProgram);
  $("close-program").addEventListener("click", () => $("program").close());
  $("notice-close").addEventListener("click", () => { $("notice").hidden = true; });
  for (const tab of document.querySelectorAll(".tab")) {
    tab.addEventListener("click", () => activate(tab.dataset.pane));
  }
  const resized = new ResizeObserver(() => requestAnimationFrame(show));
  for (const canvas of document.querySelectorAll("canvas")) resized.observe(canvas);
  listenForFiles();
}

function listenForFiles() {
  const over = (event, is) => {
    event.preventDefault();
    $("drop-here").hidden = !is;
  };
  window.addEventListener("dragover", (event) => over(event, true));
  window.addEventListener("dragleave", (event) => over(event, event.relatedTarget !== null));
  window.addEventListener("drop", (event) => {
    over(event, false);
    if (event.dataTransfer.files.length) controls.take(event.dataTransfer.files[0]);
  });
}

async function start() {
  await loadTexts();
  controls = new Controls($("controls"), await get("api/options"), changed, dropped);
  fillTexts();
  showSpeeds();
  for (const name of ["a", "b"]) panes[name] = newPane(name);
  panes.b.element.hidden = true;
  fillTexts();
  if (window.matchMedia("(max-width: 859px)").matches) $("settings").open = false;
  listen();
  await order("medium", ["a", "b"]);
  document.body.dataset.ready = "yes";
  await keepLooking();
}

start();
