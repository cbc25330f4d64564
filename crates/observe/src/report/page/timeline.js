// Rows on one time axis: what was done above, how things were, what came out below. All rows share one view.

const view = { from: 0, until: R.duration, placed: [], drawn: [] };

function setView(from, until) {
  const least = Math.min(R.duration, 20000), width = Math.max(least, Math.min(R.duration, until - from));
  view.from = Math.max(0, Math.min(R.duration - width, from));
  view.until = view.from + width;
  place();
}
const zoom = (factor, around = (view.from + view.until) / 2) => setView(around - (around - view.from) * factor, around + (view.until - around) * factor);
const part = (at) => (at - view.from) / (view.until - view.from) * 100;

function place() {
  for (const { node, from, until } of view.placed) {
    const [left, right] = [part(from), until === undefined ? null : part(until)];
    // What is far outside would only make the page wide.
    node.hidden = left > 101 || (right ?? left) < -1;
    node.style.left = `${Math.max(-2, left)}%`;
    if (right !== null) node.style.width = `${Math.max(0, Math.min(102, right) - Math.max(-2, left))}%`;
  }
  for (const draw of view.drawn) draw();
  drawTicks();
  drawNow();
}
function drawNow() {
  for (const gantt of document.querySelectorAll(".gantt")) gantt.style.setProperty("--now-at", `${Math.max(-5, Math.min(105, part(moment.at)))}%`);
}

const STEPS = [.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800].map((seconds) => seconds * SECOND);
function drawTicks() {
  for (const axis of document.querySelectorAll(".axis .track")) {
    const room = Math.max(2, Math.floor((axis.clientWidth || 600) / 84)), width = view.until - view.from;
    const step = STEPS.find((step) => width / step <= room) || DAY * 7;
    const first = Math.ceil((view.from + R.start) / step) * step - R.start;
    axis.replaceChildren();
    for (let at = first; at <= view.until; at += step) {
      const text = step % MINUTE === 0 ? clock(at).replace(/:00$/, "") : clock(at);
      if (part(at) < 94 || axis.clientWidth > 900) axis.append(el("span", { class: "tick", style: `left:${part(at)}%` }, text));
    }
  }
}

// A mark at a time, or a bar from a time until another.
function mark(at, text, kind, title) {
  const node = el("span", { class: `mark ${kind}`, title }, text);
  view.placed.push({ node, from: at });
  return node;
}
function bar(from, until, kind, title) {
  const node = el("span", { class: `span ${kind}`, title });
  view.placed.push({ node, from, until });
  return node;
}
function row(label, marks, tall = false) {
  const track = el("div", { class: tall ? "track tall" : "track", on: { click: (event) => {
    const box = track.getBoundingClientRect();
    setMoment(view.from + (event.clientX - box.left) / box.width * (view.until - view.from));
  } } }, marks);
  return el("div", { class: "row" }, el("div", { class: "label" }, label), track);
}
// A label that leads to its moment.
function lead(at, ...label) {
  return el("button", { type: "button", class: "lead", on: { click: () => setMoment(at) } }, el("span", { class: "when" }, clock(at)), " ", ...label);
}

function axis() {
  const track = el("div", { class: "track", title: "Drag to move; double click to come nearer" });
  let held = null;
  track.addEventListener("pointerdown", (event) => { held = { x: event.clientX, from: view.from, until: view.until }; track.setPointerCapture(event.pointerId); });
  track.addEventListener("pointermove", (event) => {
    if (!held) return;
    const moved = (held.x - event.clientX) / track.clientWidth * (held.until - held.from);
    setView(held.from + moved, held.until + moved);
  });
  for (const end of ["pointerup", "pointercancel"]) track.addEventListener(end, () => { held = null; });
  track.addEventListener("dblclick", (event) => zoom(.4, view.from + event.offsetX / track.clientWidth * (view.until - view.from)));
  return el("div", { class: "axis row" }, el("div", { class: "label" }), track);
}
function zoomBar() {
  const loss = firstLoss();
  const button = (text, label, act) => el("button", { type: "button", title: label, "aria-label": label, on: { click: act } }, text);
  const near = (at, width) => setView(at - width / 2, at + width / 2);
  return el("div", { class: "bar" },
    button("whole", "All of the time", () => setView(0, R.duration)),
    button("−", "Farther", () => zoom(2)), button("+", "Nearer", () => zoom(.5)),
    button("◂", "Earlier", () => setView(view.from - (view.until - view.from) / 2, view.until - (view.until - view.from) / 2)),
    button("▸", "Later", () => setView(view.from + (view.until - view.from) / 2, view.until + (view.until - view.from) / 2)),
    loss < Infinity && button("first loss", "Half a minute around the first loss", () => { near(loss, 30 * SECOND); setMoment(loss); }),
    button("10 s", "Ten seconds around the moment", () => near(moment.at, 10 * SECOND)),
    button("5 min", "Five minutes around the moment", () => near(moment.at, 5 * MINUTE)));
}

// Orders of one time and one text are one: what was done to several nodes.
function orders() {
  const groups = [];
  for (const order of R.orders) {
    const known = groups.find((one) => one.at === order.at && one.text === order.text && !one.refused && !order.refused);
    if (known) { known.nodes.push(order.node); if (order.standing !== known.standing) known.standing = "logged in part"; } else groups.push({ ...order, nodes: [order.node] });
  }
  return groups.map((order) => row(
    [lead(order.at, el("b", {}, order.nodes.join(", ")), `: ${order.text}`, el("span", { class: "dim", title: order.source }, ` · ${order.standing}`)), order.refused && el("span", { class: "bad" }, ` refused: ${order.refused}`)],
    mark(order.at, "▼", "", `${clock(order.at)} ${order.nodes.join(", ")}: ${order.text}`)));
}

function expectation(one) {
  const verdict = one.holds ? ["ok", "✓", "comes out"] : one.unexplained ? ["warn", "?", "not explained"] : ["bad", "✕", "does not come out"];
  const at = one.reproduced ?? one.logged ?? (one.window ? one.window[0] : null);
  const marks = [];
  if (one.window) marks.push(bar(one.window[0], one.window[1], `window ${verdict[0]}`, `${clock(one.window[0])} to ${clock(one.window[1])}: ${one.measured || ""}`));
  if (one.logged !== null && one.tolerance) marks.push(bar(one.logged - one.tolerance, one.logged + one.tolerance, "window off", `within ${span(one.tolerance)} of the log`));
  if (one.logged !== null && one.reproduced !== null) marks.push(bar(Math.min(one.logged, one.reproduced), Math.max(one.logged, one.reproduced), `thin ${verdict[0]}`, one.distance));
  if (one.logged !== null) marks.push(mark(one.logged, "◇", "logged", `logged ${clock(one.logged)}`));
  if (one.reproduced !== null) marks.push(mark(one.reproduced, "◆", verdict[0], `reproduced ${clock(one.reproduced)}${one.distance ? `, ${one.distance}` : ""}`));
  const text = [el("b", {}, one.name), `: ${one.text}`, one.measured && el("span", { class: "dim" }, `; ${one.measured}`), one.logged !== null && el("span", { class: "dim" }, `; logged ${clock(one.logged)}`, one.distance && [", ", el("b", { class: "number" }, one.distance)])];
  const told = el("span", { class: verdict[0], title: verdict[2] }, el("b", {}, verdict[1]), one.holds ? " " : ` ${verdict[2]} `);
  return row([
    at === null ? [told, text] : lead(at, told, text),
    one.failure && !one.holds && el("span", { class: verdict[0] }, ` — ${one.failure}`),
  ], marks);
}

// How many of some tracks are in a state, from each time at which that changes.
function countOf(tracks, isCounted) {
  const changes = [];
  for (const track of tracks) {
    let before = false;
    for (const [at, state] of track.turns) { const now = isCounted(state); if (now !== before) changes.push([at, now ? 1 : -1]); before = now; }
  }
  changes.sort((one, other) => one[0] - other[0]);
  const list = [[0, 0]];
  for (const [at, more] of changes) {
    const last = list[list.length - 1], count = last[1] + more;
    if (last[0] === at) last[1] = count; else list.push([at, count]);
  }
  return list;
}
function countRow(label, tracks, isCounted) {
  const list = countOf(tracks, isCounted), most = Math.max(...list.map(([, count]) => count));
  if (!most) return null;
  const path = svg("path", { class: "spark-bed" }), picture = svg("svg", { viewBox: "0 0 1000 30", preserveAspectRatio: "none", "aria-hidden": "true" }, path);
  view.drawn.push(() => path.setAttribute("d", outline(list.map(([at, count]) => [at, most, most - count]), view.from, view.until, 1000, 30)));
  const now = el("span", { class: "dim number" });
  onMoment((at) => { now.textContent = ` ${list[Math.max(0, turnAt(list, at))][1]} of ${tracks.length} now, ${most} at most`; });
  return row([label, now], picture, true);
}
function trafficRow(set) {
  const path = svg("path", { class: "spark" }), bed = svg("path", { class: "spark-bed" });
  const list = stepsOf(set.index), sent = list.map(([at, sent]) => [at, sent, 0]), depth = depthOf(set.index);
  view.drawn.push(() => { path.setAttribute("d", outline(list, view.from, view.until, 1000, 30, depth)); bed.setAttribute("d", outline(sent, view.from, view.until, 1000, 30)); });
  const now = el("span", { class: "dim number" });
  onMoment((at) => { const share = shareAt(set.index, at); now.textContent = share === null ? " nothing is sent now" : ` ${percent(share)} arrives now`; });
  return row(["traffic ", el("b", {}, set.name), ` (${bits(set.weight)})`, now, depth < 1 && el("span", { class: "dim" }, `; from ${percent(1 - depth)} up`)], svg("svg", { viewBox: "0 0 1000 30", preserveAspectRatio: "none", "aria-hidden": "true" }, bed, path), true);
}
// Bars for as long as something is not well.
function troubleRow(track) {
  const name = R.nodes[track.node].name, bars = [];
  track.turns.forEach(([at, state, why], index) => {
    const until = index + 1 < track.turns.length ? track.turns[index + 1][0] : R.duration, how = level(track.kind, state);
    if (how !== "ok" && (track.kind === "power" || state !== "off")) bars.push([at, until, how, `${stateWords(track.kind, state)}${why ? ` (${why})` : ""} ${clock(at)} to ${clock(until)}`]);
  });
  if (!bars.length) return null;
  return row([lead(bars[0][0], el("b", {}, name), ` ${KINDS[track.kind].name} ${track.name}`)], bars.map(([from, until, how, title]) => bar(from, until, `${how}${how === "warn" ? " dashed" : ""}`, title)));
}

function drawTimeline() {
  const kind = (...names) => R.tracks.filter((track) => names.includes(track.kind));
  // Sessions start down; what was never up is no news, and neither is what has not come up yet.
  const wasUp = (tracks) => tracks.filter((track) => track.turns.some(([, state]) => state === "up"));
  const single = kind("power", "agent", "health", "table", "fib", "iccp", "bfd", "suspicion").map(troubleRow).filter(Boolean).slice(0, 28);
  const counts = [
    countRow("BGP sessions down:", wasUp(kind("bgp")), (state) => state === "down" || state === "off"),
    countRow("adjacencies down:", wasUp(kind("adjacency")), (state) => state === "down" || state === "off"),
    countRow("bundle members out:", kind("member"), (state) => state !== "collecting-distributing"),
    countRow("ports down:", wasUp(kind("port")), (state) => state !== "up"),
  ].filter(Boolean);
  const timed = R.expectations.map((one) => [one.reproduced ?? one.logged ?? (one.window ? one.window[0] : null), one]);
  const isLast = (at) => at === null;
  timed.sort(([one], [other]) => isLast(one) - isLast(other) || one - other);
  const group = (text, rows) => rows.length ? [el("div", { class: "group" }, text), rows] : [];
  const gantt = el("div", { class: "gantt", tabindex: 0, role: "group", "aria-label": "Timeline: plus and minus come nearer and go farther, arrows move", on: { keydown: (event) => {
    const width = view.until - view.from;
    const act = { "+": () => zoom(.5, moment.at), "=": () => zoom(.5, moment.at), "-": () => zoom(2, moment.at), ArrowLeft: () => setView(view.from - width / 5, view.until - width / 5), ArrowRight: () => setView(view.from + width / 5, view.until + width / 5), 0: () => setView(0, R.duration) }[event.key];
    if (act && event.target === gantt) { event.preventDefault(); event.stopPropagation(); act(); }
  } } }, axis(),
    group("What was done", orders()), group("How things were", [sets.map(trafficRow), counts, single].flat()), group("What was to come out, and what did", timed.map(([, one]) => expectation(one))));
  byId("timeline").append(zoomBar(), el("div", { class: "legend" }, "▼ done", el("span", {}, "◇ logged"), el("span", {}, el("span", { class: "ok" }, "◆"), " reproduced"), el("span", {}, el("span", { class: "ok" }, "✓"), " comes out"), el("span", {}, el("span", { class: "bad" }, "✕"), " does not"), el("span", {}, el("span", { class: "warn" }, "?"), " nobody can explain"), el("span", {}, "grey band: as far off as it may be")), gantt);
  onMoment(drawNow);
  addEventListener("resize", drawTicks);
}
