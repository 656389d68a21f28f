"use strict";

// As much of a browser as the voting page needs. The harness answers fetch, runs the timers and delivers the events of the stream.

(() => {
const { send, randomByte } = globalThis; // the page may have functions of these names
class Element {
  constructor(tag) {
    Object.assign(this, { tag, children: [], attributes: {}, listeners: {}, own: "", classes: new Set() });
    this.classList = { toggle: (name, on) => (on ? this.classes.add(name) : this.classes.delete(name)) };
  }
  get textContent() { return this.own + this.children.map((child) => child.textContent).join(""); }
  set textContent(text) { this.own = String(text); this.children = []; }
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.own = ""; this.children = children; }
  setAttribute(name, value) { this.attributes[name] = String(value); }
  getAttribute(name) { return name in this.attributes ? this.attributes[name] : null; }
  removeAttribute(name) { delete this.attributes[name]; }
  addEventListener(kind, listener) { (this.listeners[kind] ??= []).push(listener); }
  dispatch(kind, event) { (this.listeners[kind] ?? []).forEach((listener) => listener(event)); }
}

const elements = Object.fromEntries(JSON.parse(idsOfPage).map((id) => [id, new Element("div")]));
const timers = [];
const sources = [];

globalThis.document = {
  getElementById: (id) => elements[id] ?? null,
  createElement: (tag) => new Element(tag),
  querySelectorAll: (selector) => {
    const [id, tag] = selector.slice(1).split(" ");
    return elements[id].children.filter((child) => child.tag === tag);
  },
};
globalThis.crypto = { getRandomValues: (bytes) => bytes.map((_, index) => (index === 0 ? Number(randomByte()) : index)) };
globalThis.AbortSignal = { timeout: () => null };
globalThis.setTimeout = (action) => timers.push(action);
globalThis.fetch = async (path, options = {}) => {
  const { status, headers, body } = JSON.parse(send(options.method ?? "GET", path, JSON.stringify(options.headers ?? {}), options.body ?? ""));
  return { status, ok: status >= 200 && status < 300, headers: { get: (name) => headers[name.toLowerCase()] ?? null }, json: async () => JSON.parse(body) };
};
globalThis.EventSource = class extends Element {
  static CLOSED = 2;
  constructor(path) { super(path); this.readyState = 1; sources.push(this); }
};

globalThis.votecheck = {
  buttons: () => JSON.stringify(elements.options.children.map((child) => child.textContent)),
  rows: () => JSON.stringify(elements.results.children.map((child) => child.textContent)),
  streams: () => JSON.stringify(sources.map((source) => source.tag)),
  text: (id) => elements[id].textContent,
  press: (number) => elements.options.children[number].dispatch("click"),
  deliver: (data) => sources.forEach((source) => source.dispatch("message", { data })),
};
})();
