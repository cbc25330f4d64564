// The map at a moment: nodes, links by what each of their ends says, sessions between the chassis; what is chosen, in words.

const map = { chosen: null, nodes: [], links: [], sessions: [] };
const deaths = R.traffic.causes.map(([text, node, port, lag]) => ({ text, node: nodeCalled.get(node), port, lag }));

function chosenName() {
  return map.chosen && map.chosen.name;
}
const endName = (end) => `${R.nodes[end.node].name}:${end.port}`;
const linkName = (link) => link.ends.map(endName).join(" - ");

// Where each node stands, in pixels: tiers are rows, on a narrow screen columns.
function spots(width) {
  const tiers = Math.max(...R.nodes.map((node) => node.tier)) + 1;
  const sizes = Array(tiers).fill(0);
  for (const node of R.nodes) sizes[node.tier]++;
  const most = Math.max(...sizes), upright = width < 560 && tiers > 1 && most > 2;
  const height = upright ? Math.max(300, most * 58) : Math.max(150, (tiers - 1) * 112 + 96);
  const along = (node) => node.place / 1000, across = (node) => tiers === 1 ? .5 : node.tier / (tiers - 1);
  const at = (node) => upright
    ? { x: 34 + across(node) * (width - 68), y: 16 + along(node) * (height - 40) }
    : { x: 14 + along(node) * (width - 28), y: 36 + across(node) * (height - 86) };
  return { height, upright, at: R.nodes.map(at), room: upright ? (width - 68) / Math.max(1, tiers - 1) : (width - 28) / most };
}

function drawMap() {
  const width = Math.max(280, map.holder.clientWidth), plan = spots(width), between = new Map();
  map.width = width;
  map.nodes = []; map.links = []; map.sessions = [];
  const picture = svg("svg", { class: "map", viewBox: `0 0 ${width} ${plan.height}`, height: plan.height, role: "group", "aria-label": "Map of the network" });
  for (const link of R.links) {
    const [a, b] = link.ends.map((end) => plan.at[end.node]), key = link.ends.map((end) => end.node).sort((one, other) => one - other).join();
    const before = between.get(key) || 0, all = R.links.filter((other) => other.ends.map((end) => end.node).sort((one, two) => one - two).join() === key).length;
    between.set(key, before + 1);
    picture.append(drawLink(link, a, b, before - (all - 1) / 2, plan));
  }
  for (const [one, node] of R.nodes.entries()) for (const other of nodeCalled.values()) if (node.paired && R.nodes[other].paired && one < other) picture.append(...drawSessions(one, other, plan));
  R.nodes.forEach((node, index) => picture.append(drawNode(node, index, plan)));
  map.holder.replaceChildren(picture);
}

const pressable = (label, act) => ({ tabindex: 0, role: "button", "aria-label": label, on: { click: act, keydown: (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); event.stopPropagation(); act(); } } } });

function drawNode(node, index, plan) {
  const { x, y } = plan.at[index], wide = Math.min(node.switch ? 84 : 62, Math.max(26, plan.room - 6), Math.max(node.switch ? 40 : 26, node.name.length * 7.4 + 12)), tall = node.switch ? 28 : 22;
  const size = Math.min(12, (wide - 5) / (node.name.length * .58));
  const notes = [0, 1].map((line) => svg("text", { class: "note halo", x, y: y + tall / 2 + 9 + line * 12 }));
  const meters = [svg("rect", { class: "meter", x: x - wide / 2 + 3, y: y + tall / 2 - 5, width: wide - 6, height: 2.5 }), svg("rect", { class: "meter-ok", x: x - wide / 2 + 3, y: y + tall / 2 - 5, height: 2.5, width: 0 })];
  const badge = svg("text", { class: "halo", x: x + wide / 2, y: y - tall / 2 + 1 });
  const group = svg("g", { class: node.switch ? "switch" : "host", "data-node": node.name, ...pressable(node.name, () => choose({ name: node.name, node: index })) },
    svg("rect", { class: "box", x: x - wide / 2, y: y - tall / 2, width: wide, height: tall, rx: node.switch ? 5 : 11 }), svg("text", { x, y: y - (node.switch ? 0 : 1), style: `font-size:${size}px` }, node.name), meters, badge, notes);
  map.nodes.push({ group, index, notes, meters, badge, wide, room: plan.room, upright: plan.upright });
  return group;
}

function drawLink(link, a, b, aside, plan) {
  const [dx, dy] = [b.x - a.x, b.y - a.y], length = Math.hypot(dx, dy) || 1, [nx, ny] = [-dy / length, dx / length];
  const ends = link.ends.map((end) => R.nodes[end.node]);
  // A link past a node of its own tier goes around it.
  const past = ends[0].tier === ends[1].tier && R.nodes.some((node) => node.tier === ends[0].tier && (node.place - ends[0].place) * (node.place - ends[1].place) < 0);
  const bend = past ? Math.min(70, length * .22) : 0, off = aside * 8;
  const control = { x: (a.x + b.x) / 2 + nx * (bend * 2 + off), y: (a.y + b.y) / 2 + ny * (bend * 2 + off) };
  const [from, to] = [a, b].map((point) => ({ x: point.x + nx * off, y: point.y + ny * off }));
  const point = (t) => bend ? { x: (1 - t) ** 2 * from.x + 2 * t * (1 - t) * control.x + t * t * to.x, y: (1 - t) ** 2 * from.y + 2 * t * (1 - t) * control.y + t * t * to.y } : { x: from.x + (to.x - from.x) * t, y: from.y + (to.y - from.y) * t };
  const path = (first, last) => Array.from({ length: bend ? 9 : 2 }, (_, step) => { const at = point(first + (last - first) * step / (bend ? 8 : 1)); return `${step ? "L" : "M"}${at.x.toFixed(1)} ${at.y.toFixed(1)}`; }).join("");
  const halves = [[0, .5], [1, .5]].map(([first, last], index) => svg("path", { class: "line", d: path(first, last), "data-end": endName(link.ends[index]) }));
  // Crosses stand clear of the nodes: a little way out from the end that they belong to.
  const out = Math.min(.4, (plan.upright ? 46 : 30) / length);
  const crosses = [out, 1 - out].map((t) => { const { x, y } = point(t), r = 3.6; return svg("path", { class: "death", d: `M${x - r} ${y - r}l${2 * r} ${2 * r}M${x - r} ${y + r}l${2 * r} ${-2 * r}`, hidden: true }); });
  const middle = point(.5), word = svg("text", { class: "note halo bad", x: middle.x, y: middle.y });
  const group = svg("g", { "data-link": linkName(link), ...pressable(`link ${linkName(link)}`, () => choose({ name: linkName(link), link })) }, svg("path", { class: "reach", d: path(0, 1) }), halves, crosses, word);
  map.links.push({ group, link, halves, crosses, word });
  return group;
}

// ICCP and BFD between two chassis, as arcs above and below their links.
function drawSessions(one, other, plan) {
  const [a, b] = [plan.at[one], plan.at[other]];
  return [["iccp", "ICCP", -1], ["bfd", "BFD", 1]].flatMap(([kind, name, side]) => {
    const of = (node, far) => tracksOf[node].filter((track) => track.kind === kind && track.name.startsWith(`${R.nodes[far].name} `));
    const tracks = [...of(one, other), ...of(other, one)];
    if (!tracks.length) return [];
    const [mx, my] = [(a.x + b.x) / 2, (a.y + b.y) / 2], bow = side * (plan.upright ? 50 : 40);
    const [cx, cy] = plan.upright ? [mx + bow, my] : [mx, my + bow];
    const path = svg("path", { class: "session", d: `M${a.x} ${a.y}Q${cx} ${cy} ${b.x} ${b.y}` });
    const text = svg("text", { class: "note halo", x: (mx + cx) / 2, y: (my + cy) / 2 });
    map.sessions.push({ path, text, name, tracks });
    return [path, text];
  });
}

// What an end of a link says: down, held out of its bundle, in use.
function endAt(end, at) {
  if (!R.nodes[end.node].switch) return null;
  const power = stateNow(end.node, "power", "", at);
  if (power && power.state === "off") return { level: "off", words: "without power", since: power.since };
  const port = stateNow(end.node, "port", end.port, at);
  if (!port || port.level !== "ok") return { level: "bad", words: port ? "no carrier" : "not up yet", since: port ? port.since : 0 };
  const doubt = stateNow(end.node, "suspicion", end.port, at);
  if (doubt && doubt.level !== "ok") return doubt;
  if (!end.lag) return port;
  return stateNow(end.node, "member", end.port, at) || { level: "warn", words: `not in ${end.lag}`, since: port.since };
}
function orderAt(link, at) {
  const index = turnAt(link.orders, at);
  return index >= 0 && link.orders[index][1] ? link.orders[index] : null;
}

// Flows that lose their probes at a moment, by where these die.
function dyingAt(at) {
  const dying = new Map();
  for (const flow of flows) {
    const hole = holeAt(flow, at);
    if (hole) dying.set(hole[3], (dying.get(hole[3]) || 0) + 1);
  }
  return [...dying].map(([cause, count]) => ({ ...deaths[cause], count })).sort((one, other) => other.count - one.count);
}

// The worst that a switch has, in a few words: what stands under it.
function condition(node, at) {
  const power = stateNow(node, "power", "", at);
  if (power && power.state === "off") return { level: "off", notes: [["off", "without power"]] };
  const notes = [];
  for (const track of tracksOf[node]) {
    const now = ["agent", "health", "fib", "table"].includes(track.kind) ? stateOf(track, at) : null;
    if (now && now.level !== "ok") notes.push([now.level, track.kind === "agent" ? `${track.name} ${now.words}` : track.kind === "fib" ? "RIB ≠ FIB" : track.kind === "table" ? "agent ≠ table" : now.words]);
  }
  const bgp = tracksOf[node].filter((track) => track.kind === "bgp"), up = bgp.filter((track) => stateOf(track, at)?.state === "up").length;
  if (bgp.length && up < bgp.length) notes.push(["warn", `BGP ${up}/${bgp.length}`]);
  notes.sort(([one], [other]) => RANK[one] - RANK[other]);
  return { level: notes.length ? notes[0][0] : "ok", notes };
}
function hostAt(name, at) {
  const host = R.traffic.hosts.indexOf(name);
  let [sent, lost, peers, cut] = [0, 0, new Set(), new Set()];
  for (const flow of flows) {
    if ((flow.from !== host && flow.to !== host) || !isSent(flow, at)) continue;
    const other = flow.from === host ? flow.to : flow.from;
    sent += flow.weight; peers.add(other);
    if (holeAt(flow, at)) { lost += flow.weight; cut.add(other); }
  }
  return { share: sent ? 1 - lost / sent : null, peers: peers.size, cut: cut.size };
}

function showMap(at) {
  const dying = dyingAt(at);
  for (const { group, index, notes, meters, badge, wide, room, upright } of map.nodes) {
    const node = R.nodes[index], here = dying.filter((one) => one.node === index), count = here.reduce((sum, one) => sum + one.count, 0);
    let level = "ok", lines = [], share = null;
    if (node.switch) {
      ({ level, notes: lines } = condition(index, at));
      if (count) lines = [...lines.slice(0, 1), ["bad", `${plural(count, "flow")} ${count === 1 ? "dies" : "die"}`]];
    } else {
      share = hostAt(node.name, at).share;
      level = share === null || share > .9995 ? "ok" : share > 0 ? "warn" : "bad";
      if (count) lines = [["bad", `${count} die`]];
    }
    // Between the nodes of a column there is room for one line: the worst.
    if (upright) lines = lines.sort(([one], [other]) => RANK[one] - RANK[other]).slice(0, 1);
    group.setAttribute("class", `${node.switch ? "switch" : "host"} ${level}${map.chosen && map.chosen.node === index ? " chosen" : ""}`);
    group.setAttribute("aria-label", `${node.name}: ${lines.map(([, text]) => text).join(", ") || (share === null ? "well" : `${percent(share)} arrives`)}`);
    notes.forEach((note, line) => { const [how, text] = lines[line] || ["", ""]; note.setAttribute("class", `note halo ${how}`); note.textContent = room < 76 && text.length > 9 ? text.replace(/ flows? dies?| die/, " die").replace("learning given up", "given up").replace("without power", "no power") : text; });
    meters[0].setAttribute("width", share === null ? 0 : wide - 6);
    meters[1].setAttribute("width", share === null ? 0 : (wide - 6) * share);
    badge.textContent = level === "ok" ? "" : SIGNS[level];
    badge.setAttribute("fill", `var(--${level})`);
    badge.style.fill = `var(--${level})`;
  }
  for (const { group, link, halves, crosses, word } of map.links) {
    const states = link.ends.map((end) => endAt(end, at)), order = orderAt(link, at);
    link.ends.forEach((end, index) => {
      const state = states[index] || states[1 - index] || { level: "ok" };
      halves[index].setAttribute("class", `line ${state.level}`);
      crosses[index].toggleAttribute("hidden", !dying.some((one) => one.node === end.node && (one.port === end.port || (one.lag && one.lag === end.lag && !one.port))));
    });
    word.textContent = order ? "✂" : "";
    group.classList.toggle("chosen", Boolean(map.chosen && map.chosen.link === link));
    group.setAttribute("aria-label", `link ${linkName(link)}: ${states.filter(Boolean).map((state) => state.words).join(", ")}`);
  }
  for (const { path, text, name, tracks } of map.sessions) {
    const states = tracks.map((track) => stateOf(track, at)), up = states.length && states.every((state) => state && state.state === "up");
    const how = up ? "ok" : states.some((state) => state && state.state === "down") ? "bad" : "off";
    path.setAttribute("class", `session ${how}`);
    text.setAttribute("class", `note halo ${how}`);
    text.textContent = `${name} ${SIGNS[how]}`;
  }
}

function choose(what) {
  map.chosen = map.chosen && what && map.chosen.name === what.name ? null : what;
  setMoment(moment.at);
}
const item = (how, ...text) => el("li", {}, sign(how), el("span", {}, ...text));
const ago = (since, at) => since > 0 ? el("span", { class: "dim" }, ` since ${clock(since)} (${span(at - since)})`) : null;
function trackItem(track, at) {
  const now = stateOf(track, at);
  return item(now.level, KINDS[track.kind].name, track.name && " ", track.name && el("b", {}, track.name), ": ", now.words, ago(now.since, at), now.why && el("span", { class: "dim" }, ` · ${now.why}`));
}

function panel(at) {
  if (!map.chosen) return overview(at);
  const back = el("button", { type: "button", class: "small", on: { click: () => choose(null) } }, "all");
  const head = el("h3", {}, map.chosen.name, " ", back);
  if (map.chosen.link) {
    const { link } = map.chosen, order = orderAt(link, at);
    const ends = link.ends.map((end) => {
      const state = endAt(end, at), lag = end.lag && stateNow(end.node, "lag", end.lag, at);
      return [state ? item(state.level, el("b", {}, endName(end)), ": ", state.words, ago(state.since, at)) : item("ok", el("b", {}, endName(end)), ": a host's end, which tells nothing"),
        lag && item(lag.level, `bundle ${end.lag} of ${R.nodes[end.node].name}: ${lag.words}, ${lag.why}`, ago(lag.since, at))];
    });
    return [head, el("ul", {}, order && item("bad", `${order[1]}`, ago(order[0], at)), ends)];
  }
  const { node } = map.chosen;
  if (!R.nodes[node].switch) return [head, hostPanel(R.nodes[node].name, at)];
  const known = tracksOf[node].filter((track) => stateOf(track, at) && track.kind !== "power");
  known.sort((one, other) => RANK[stateOf(one, at).level] - RANK[stateOf(other, at).level]);
  const here = dyingAt(at).filter((one) => one.node === node);
  const power = stateNow(node, "power", "", at);
  return [head, el("ul", { class: "scroll", tabindex: 0 }, power && power.state === "off" && item("off", "without power", ago(power.since, at)), here.map((one) => item("bad", `${plural(one.count, "flow")} ${one.count === 1 ? "dies" : "die"} here: ${one.text}`)), known.map((track) => trackItem(track, at)))];
}
function hostPanel(name, at) {
  const host = R.traffic.hosts.indexOf(name), mine = flows.filter((flow) => (flow.from === host || flow.to === host) && isSent(flow, at));
  const dead = mine.map((flow) => [flow, holeAt(flow, at)]).filter(([, hole]) => hole);
  const { peers, cut } = hostAt(name, at);
  return [el("p", {}, mine.length ? `${mine.length - dead.length} of ${plural(mine.length, "flow")} arrive; ${peers} hosts are spoken with, ${cut} of them not or not wholly.` : "No flow of its is sent at this moment."),
    el("ul", { class: "scroll", tabindex: 0 }, dead.slice(0, 60).map(([flow, hole]) => item("bad", el("b", {}, `${sets[flow.set].name} ${R.traffic.hosts[flow.from]} → ${R.traffic.hosts[flow.to]}`), ` lost since ${clock(hole[0])} · `, el("span", { class: "dim" }, deaths[hole[3]].text))))];
}
// What is not well anywhere, when nothing is chosen.
function overview(at) {
  const items = [], off = R.nodes.flatMap((node, index) => stateNow(index, "power", "", at)?.state === "off" ? [node.name] : []);
  if (off.length) items.push(item("off", el("b", {}, off.join(", ")), ": without power"));
  for (const kind of ["agent", "health", "iccp", "bfd", "peer", "fib", "table", "suspicion", "alarm"]) {
    for (const track of R.tracks.filter((track) => track.kind === kind)) {
      const now = stateOf(track, at);
      if (now && (now.level === "bad" || now.level === "warn")) items.push(item(now.level, el("b", {}, R.nodes[track.node].name), ` ${[KINDS[kind].name, track.name].filter(Boolean).join(" ")}: ${now.words}`, ago(now.since, at), now.why && el("span", { class: "dim" }, ` · ${now.why}`)));
    }
  }
  for (const [kind, name, well] of [["bgp", "BGP sessions", "up"], ["adjacency", "adjacencies", "up"], ["member", "members of bundles", "collecting-distributing"], ["lag", "bundles", "up"], ["port", "ports", "up"], ["partners", "bundles", "one"]]) {
    const all = R.tracks.filter((track) => track.kind === kind), bad = all.filter((track) => (stateOf(track, at)?.state || "one") !== well);
    const how = { member: "out of use", partners: "with several partners" }[kind] || "down";
    if (bad.length) items.push(item("warn", `${kind === "partners" ? "" : `${bad.length} of ${all.length} `}${name} ${how}: `, el("span", { class: "dim" }, [...new Set(bad.map((track) => R.nodes[track.node].name))].join(", "))));
  }
  const dying = dyingAt(at);
  items.push(...dying.slice(0, 12).map((one) => item("bad", `${plural(one.count, "flow")} ${one.count === 1 ? "dies" : "die"}: ${one.text}`)));
  if (dying.length > 12) items.push(item("bad", `and at ${dying.length - 12} places more`));
  return [el("h3", {}, items.length ? "Not well" : "All is well"), items.length ? el("ul", { class: "scroll", tabindex: 0 }, items) : el("p", { class: "dim" }, "Choose a node or a link to read of its state.")];
}

// Events: who, what kind; the list stands at the moment.
const COMMON = /^(mac-|entries-lapsed|neighbor-|link-state-spf-|lacp-receive-|lacp-periodic-|lacp-churn-|lacp-selection-|lacp-pdus-missed|interface-|echo-)/;
const log = { kinds: new Set(R.log.kinds.map(([name], index) => COMMON.test(name) ? -1 : index).filter((index) => index >= 0)), node: -1, lines: [] };
const sorted = R.log.lines.map((line, index) => [...line, index]).sort((one, other) => one[0] - other[0] || one[4] - other[4]);
function filterLog() {
  log.lines = sorted.filter(([, node, kind]) => log.kinds.has(kind) && (log.node < 0 || log.node === node));
}
function nextEvent(at, direction) {
  const index = turnAt(log.lines, at);
  if (direction > 0) return index + 1 < log.lines.length ? log.lines[index + 1][0] : null;
  for (let before = index; before >= 0; before--) if (log.lines[before][0] < at) return log.lines[before][0];
  return null;
}
function drawLog() {
  filterLog();
  const list = el("ol", { class: "scroll", tabindex: 0, "aria-label": "Events" });
  let shown = "";
  const show = (at, anew) => {
    const index = turnAt(log.lines, at), first = Math.max(0, index - 60), key = `${index} ${log.lines.length}`;
    if (key === shown && !anew) return;
    shown = key;
    const rows = log.lines.slice(first, index + 30).map(([when, node, kind, text], place) => el("li", { class: first + place === index ? "now" : first + place > index ? "later" : null },
      el("button", { type: "button", on: { click: () => setMoment(when) } }, el("span", { class: "dim number" }, clock(when)), " ", el("b", {}, R.nodes[node].name), ` ${R.log.kinds[kind][0]} `, el("span", { class: "dim" }, text))));
    list.replaceChildren(...(rows.length ? rows : [el("li", { class: "dim" }, "No event of these kinds.")]));
    const now = list.querySelector(".now");
    if (now) list.scrollTop = now.offsetTop - list.offsetTop - list.clientHeight / 2;
  };
  const again = () => { filterLog(); show(moment.at, true); };
  const who = el("select", { "aria-label": "Events of", on: { change: () => { log.node = Number(who.value); again(); } } }, el("option", { value: -1 }, "all nodes"), R.nodes.map((node, index) => el("option", { value: index }, node.name)));
  const chips = R.log.kinds.map(([name, count], kind) => ({ name, kind, count })).sort((one, other) => one.name < other.name ? -1 : 1).map(({ name, kind, count }) => {
    const chip = el("button", { type: "button", "aria-pressed": String(log.kinds.has(kind)), title: count > 1000 ? "the first 1000 are here; --events has all" : null, on: { click: () => { if (!log.kinds.delete(kind)) log.kinds.add(kind); chip.setAttribute("aria-pressed", String(log.kinds.has(kind))); again(); } } }, `${name} `, el("span", { class: "number" }, count));
    return chip;
  });
  const all = (wanted) => el("button", { type: "button", on: { click: () => { chips.forEach((chip) => { if ((chip.getAttribute("aria-pressed") === "true") !== wanted) chip.click(); }); } } }, wanted ? "all kinds" : "no kind");
  onMoment((at) => show(at, false));
  return el("div", { class: "panel log" }, el("h3", {}, "Events"), el("div", { class: "bar" }, who), el("details", {}, el("summary", {}, "Kinds of events"), el("div", { class: "chips" }, all(true), all(false), chips)), list);
}

function drawNetwork() {
  map.holder = el("div", {});
  const words = el("div", { class: "panel", id: "chosen" });
  const line = (how, text) => el("span", {}, svg("svg", { width: 30, height: 12, class: "map", style: "display:inline;width:30px" }, svg("path", { class: `line ${how}`, d: "M1 6H29" })), ` ${text}`);
  byId("network").append(el("p", { class: "dim small no-print" }, "Each half of a link is what the node at that end says of it. Choose a node or a link for all that it says."), el("div", { class: "stage" },
    el("div", {}, map.holder, el("div", { class: "legend" }, line("ok", "in use"), line("warn", "up, not used by its bundle"), line("bad", "no carrier"), line("off", "no power"), el("span", {}, el("span", { class: "bad" }, "✕"), " frames die here"), el("span", {}, "✂ something was done to the link"), flows.length > 0 && el("span", {}, "bar in a host: what of its traffic arrives"))),
    el("div", { class: "side" }, words, drawLog())));
  drawMap();
  let wait = 0;
  addEventListener("resize", () => { clearTimeout(wait); wait = setTimeout(() => { if (map.holder.clientWidth !== map.width) { drawMap(); showMap(moment.at); } }, 120); });
  onMoment((at) => { showMap(at); words.replaceChildren(...panel(at).flat(9).filter(Boolean)); });
}
function chooseByName(name) {
  const link = R.links.find((link) => linkName(link) === name);
  if (nodeCalled.has(name)) map.chosen = { name, node: nodeCalled.get(name) };
  else if (link) map.chosen = { name, link };
}
