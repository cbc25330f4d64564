// What was replayed, and how it is written: times, spans, elements, states.

const R = JSON.parse(document.getElementById("data").textContent);
const SECOND = 1e6, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

// Elements. A text is a text: nothing of the data is ever read as HTML.
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
const byId = (id) => document.getElementById(id);

// A time of day, with as many of three decimals as it needs: 13:27:45.1; days after the first are counted.
function clock(at, least = "") {
  const millis = Math.floor((R.start + at) / 1000), seconds = Math.floor(millis / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const day = Math.floor(seconds / 86400), part = String(millis % 1000).padStart(3, "0").replace(/0+$/, "").padEnd(least.length, "0");
  return `${day ? `+${day}d ` : ""}${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}${part ? `.${part}` : ""}`;
}

// What clock writes, and 90s, as a time since the start.
function readClock(text) {
  const seconds = /^(\d+(?:\.\d+)?)s$/.exec(text);
  if (seconds) return Number(seconds[1]) * SECOND;
  const parts = /^(?:\+?(\d+)d[ +]?)?(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?$/.exec(text);
  if (!parts) return null;
  const [, day, hours, minutes, rest] = parts;
  const ofDay = Number(hours) * HOUR + Number(minutes) * MINUTE + Number(rest || 0) * SECOND;
  const at = ofDay + Number(day || 0) * DAY - R.start;
  return Math.round(at < 0 && !day ? at + DAY : at);
}

function span(time) {
  if (time < SECOND) return `${Math.round(time / 1000)} ms`;
  if (time < 10 * SECOND) return `${Math.round(time / 1e5) / 10} s`;
  const seconds = Math.round(time / SECOND), [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (h >= 48) return `${Math.floor(h / 24)} d ${h % 24} h`;
  return h ? `${h} h ${m} min` : m ? `${m} min ${s} s` : `${s} s`;
}
function percent(share) {
  const shown = share * 100;
  return `${shown > 99.9 && shown < 100 ? "99.9" : shown > 0 && shown < .1 ? "0.1" : shown.toFixed(shown < 10 || shown > 99 ? 1 : 0).replace(/\.0$/, "")} %`;
}
function bits(rate) {
  for (const [size, unit] of [[1e12, "Tbit/s"], [1e9, "Gbit/s"], [1e6, "Mbit/s"], [1e3, "kbit/s"]]) if (rate >= size) return `${Math.round(rate / size * 10) / 10} ${unit}`;
  return `${rate} bit/s`;
}
const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

// The place of the last turn that is not after a moment; -1 before the first.
function turnAt(turns, at) {
  let low = 0, high = turns.length;
  while (low < high) { const middle = (low + high) >> 1; if (turns[middle][0] <= at) low = middle + 1; else high = middle; }
  return low - 1;
}

// What is well: each level has a colour, a sign and a way to draw a line, so that nobody needs the colour.
const SIGNS = { ok: "●", warn: "▲", bad: "✕", off: "○" };
const RANK = { bad: 0, warn: 1, off: 2, ok: 3 };
const sign = (level) => el("span", { class: level, "aria-hidden": "true" }, SIGNS[level]);
const UP = { up: "ok", down: "bad" };
const KINDS = {
  power: { name: "power", levels: { on: "ok" } },
  agent: { name: "agent", levels: { running: "ok", slow: "warn", hung: "bad", crashed: "bad", stopped: "warn", "given-up": "bad" }, words: { "given-up": "given up" } },
  alarm: { name: "alarm", levels: { red: "bad", yellow: "warn", cleared: "ok", off: "ok" } },
  iccp: { name: "ICCP session to", levels: UP }, bfd: { name: "BFD session to", levels: UP }, bgp: { name: "BGP session to", levels: UP }, adjacency: { name: "adjacency", levels: UP },
  peer: { name: "other chassis, over the management network", levels: { alive: "ok", dead: "bad" } },
  health: { name: "health", levels: { healthy: "ok", in: "ok", sick: "bad", withdrawn: "warn" } },
  lag: { name: "bundle", levels: UP }, "system-id": { name: "system id of", levels: { shared: "ok", own: "warn" } },
  leg: { name: "leg", levels: { up: "ok", standby: "warn", suspended: "warn" } }, isolation: { name: "isolation of", levels: { open: "ok", isolated: "ok" } },
  partners: { name: "partners of", levels: { one: "ok", differ: "warn" } },
  member: { name: "member", levels: { "collecting-distributing": "ok", collecting: "warn", distributing: "warn", detached: "warn" }, words: { "collecting-distributing": "collecting and distributing", collecting: "collecting, not distributing", distributing: "distributing, not collecting", detached: "not in its bundle" } },
  suspicion: { name: "link at", levels: { none: "ok", "one-way": "bad", "partner-not-collecting": "warn" }, words: { "one-way": "works one way", "partner-not-collecting": "the partner does not collect" } },
  port: { name: "port", levels: UP },
  table: { name: "agent and MAC table", levels: { agree: "ok", differ: "warn" } }, fib: { name: "RIB and FIB", levels: { agree: "ok", differ: "bad" } },
};
const level = (kind, state) => state === "off" ? KINDS[kind].levels.off || "off" : KINDS[kind].levels[state] || "warn";
const stateWords = (kind, state) => (KINDS[kind].words || {})[state] || state.replaceAll("-", " ");

// Tracks by node, and by what they are of.
const tracksOf = R.nodes.map(() => []);
const trackOf = new Map();
for (const track of R.tracks) { tracksOf[track.node].push(track); trackOf.set(`${track.node} ${track.kind} ${track.name}`, track); }
const nodeCalled = new Map(R.nodes.map((node, index) => [node.name, index]));
// State, level, since when and why, at a moment; null before anything is known.
function stateOf(track, at) {
  const index = track ? turnAt(track.turns, at) : -1;
  if (index < 0) return null;
  const [since, state, why] = track.turns[index];
  return { state, why, since, level: level(track.kind, state), words: stateWords(track.kind, state) };
}
const stateNow = (node, kind, name, at) => stateOf(trackOf.get(`${node} ${kind} ${name}`), at);
