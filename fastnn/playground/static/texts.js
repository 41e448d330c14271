// The page's words, in one of two languages.

import { get } from "./server.js";

let table = { en: {}, zh: {} };
let sayings = []; // what the library says, as patterns, and the Chinese of it
let language = navigator.language.startsWith("zh") ? "zh" : "en";

export async function loadTexts() {
  table = await get("texts.json");
  sayings = (await get("said.json")).map(([pattern, chinese]) =>
    [new RegExp(`^(?:${pattern})$`, "s"), chinese]);
}

export function text(key, values = {}) {
  const found = table[language][key] ?? key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// What the library said, in the page's language, with the file and the place in it.
export function said(detail) {
  if (language === "en") return detail;
  const [, file, line, column, name, reason] =
    /^(?:(.+?)(?:, line (\d+))?(?:, column (\d+)(?: '(.*?)')?)?: )?(.*)$/s.exec(detail);
  const place = file ? placeOf(file, line, column, name) : "";
  for (const [words, before] of [[reason, place], [detail, ""]]) {
    for (const [pattern, chinese] of sayings) {
      if (pattern.test(words)) return before + words.replace(pattern, chinese);
    }
  }
  return text("in_english", { detail });
}

// Columns of the whole table have a name, or are counted from 0; those of a line from 1.
function placeOf(file, line, column, name) {
  if (line) return `${file}，第 ${line} 行${column ? `第 ${column} 列` : ""}：`;
  if (name) return `${file}，“${name}”一列：`;
  return `${file}${column ? `，第 ${Number(column) + 1} 列` : ""}：`;
}

export const has = (key) => key in table[language];

export function otherLanguage() {
  language = language === "en" ? "zh" : "en";
}

// Put the words into all that stands in the page from the start.
export function fillTexts() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = text("title");
  for (const each of document.querySelectorAll("[data-text]")) {
    each.textContent = text(each.dataset.text);
  }
  for (const each of document.querySelectorAll("[data-tip]")) each.title = text(each.dataset.tip);
}

export const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`);

// A number in few signs: 0.0123, 4.5, 1200, 3e-7.
export function short(value) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e6) return value.toExponential(1).replace(".0e", "e").replace("e+", "e");
  return String(Number(value.toPrecision(3)));
}
