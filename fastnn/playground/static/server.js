// What is asked of the program that serves this page; its address holds the token.

const base = new URL(".", location.href);

export class Refusal extends Error {
  constructor(code, detail) {
    super(code);
    this.code = code;
    this.detail = detail;
  }
}

async function ask(name, query, options) {
  const address = new URL(name, base);
  address.search = new URLSearchParams(query);
  let answer;
  let content;
  try {
    answer = await fetch(address, options);
    content = await answer.json();
  } catch {
    throw new Refusal("error_unreachable", "");
  }
  if (!answer.ok) throw new Refusal(content.error, content.detail);
  return content;
}

export const get = (name, query = {}) => ask(name, query, {});

export const post = (name, content) =>
  ask(name, {}, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  });

export const send = (name, file, query) =>
  ask(name, query, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: file,
  });
