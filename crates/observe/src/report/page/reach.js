// Pairs of hosts: who reaches whom at the moment, and how much of the traffic arrives over time.

const reach = { set: null, from: 0, to: 0 };

function pairsOf(set) {
  const some = ofSet(set), hosts = R.traffic.hosts.map((_, index) => index);
  const rows = hosts.filter((host) => some.some((flow) => flow.from === host)), columns = hosts.filter((host) => some.some((flow) => flow.to === host));
  const of = new Map();
  for (const flow of some) {
    const key = `${flow.from} ${flow.to}`;
    if (!of.has(key)) of.set(key, []);
    of.get(key).push(flow);
  }
  return { rows, columns, of };
}
// How a pair fares: its level, and the share of its volume that arrives.
function pairAt(some, at) {
  let [sent, lost] = [0, 0];
  for (const flow of some || []) if (isSent(flow, at)) { sent += flow.weight; if (holeAt(flow, at)) lost += flow.weight; }
  if (!some) return { level: "off" };
  if (!sent) return { level: "none" };
  return { level: lost === 0 ? "ok" : lost < sent ? "warn" : "bad", share: 1 - lost / sent };
}
function cell(x, y, size, level) {
  const box = svg("rect", { class: `cell ${level}`, x, y, width: size, height: size });
  const inset = size * .28;
  const strike = level === "bad" && size > 7 ? svg("path", { class: "strike", d: `M${x + inset} ${y + inset}L${x + size - inset} ${y + size - inset}M${x + inset} ${y + size - inset}L${x + size - inset} ${y + inset}` }) : null;
  const wedge = level === "warn" ? svg("path", { class: "wedge", d: `M${x + 1} ${y + size - 1}H${x + size - 1}V${y + 1}Z` }) : null;
  return [box, strike, wedge].filter(Boolean);
}

function drawReach() {
  const section = byId("reach");
  if (!flows.length) { section.hidden = true; return; }
  const holder = el("div", {}), words = el("p", { "aria-live": "polite", id: "pair" }), strips = el("div", {}), moments = el("div", { class: "moments" });
  const buttons = [null, ...sets.map((set) => set.index)].filter((set, _, all) => set !== null || all.length > 2).map((set) => el("button", { type: "button", "aria-pressed": "false", on: { click: () => setSet(set) } }, set === null ? "all flows" : sets[set].name));
  const keys = [null, ...sets.map((set) => set.index)].filter((set, _, all) => set !== null || all.length > 2);
  let pairs, size, left, top, cells, here, strip;

  function setSet(set) {
    reach.set = set;
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(keys[index] === set)));
    pairs = pairsOf(set);
    const fares = pairs.rows.flatMap((from, row) => pairs.columns.map((to, column) => ({ row, column, rank: ["bad", "warn"].indexOf(pairAt(pairs.of.get(`${from} ${to}`), moment.at).level) })));
    const shown = fares.find((one) => one.rank === 0) || fares.find((one) => one.rank === 1) || fares[0];
    [reach.from, reach.to] = [shown.row, shown.column];
    drawGrid();
    drawStrips();
    drawMoments();
    show(moment.at);
  }
  function drawGrid() {
    const label = (host) => R.traffic.hosts[host], longest = Math.max(...pairs.rows.map((host) => label(host).length), 2), high = Math.max(...pairs.columns.map((host) => label(host).length), 2);
    left = longest * 6.6 + 14; top = high * 6.4 + 14;
    const room = Math.min(560, section.clientWidth - 34) - left;
    size = Math.max(8, Math.min(34, Math.floor(room / pairs.columns.length)));
    const [width, height] = [left + size * pairs.columns.length + 2, top + size * pairs.rows.length + 2];
    cells = svg("g", {}); here = svg("rect", { class: "here", width: size, height: size });
    const names = [pairs.rows.map((host, index) => svg("text", { x: left - 6, y: top + (index + .5) * size + 4, "text-anchor": "end" }, label(host))),
      pairs.columns.map((host, index) => svg("text", { transform: `translate(${left + (index + .5) * size + 4} ${top - 5}) rotate(-90)` }, label(host)))];
    const grid = svg("svg", { class: "grid", viewBox: `0 0 ${width} ${height}`, width, height, tabindex: 0, role: "application", "aria-label": "Pairs of hosts, senders down, receivers across; arrows move", on: {
      keydown: (event) => {
        const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
        if (!step) return;
        event.preventDefault(); event.stopPropagation();
        point(reach.from + step[0], reach.to + step[1]);
      } } }, cells, names, here);
    const hover = (event) => {
      const box = grid.getBoundingClientRect(), scale = width / box.width;
      const [to, from] = [((event.clientX - box.left) * scale - left) / size, ((event.clientY - box.top) * scale - top) / size].map(Math.floor);
      if (from >= 0 && to >= 0 && from < pairs.rows.length && to < pairs.columns.length) point(from, to);
    };
    grid.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") hover(event); });
    grid.addEventListener("click", hover);
    holder.replaceChildren(grid, el("p", { class: "dim small" }, "senders down, receivers across"));
  }
  function point(from, to) {
    reach.from = Math.max(0, Math.min(pairs.rows.length - 1, from));
    reach.to = Math.max(0, Math.min(pairs.columns.length - 1, to));
    drawPair(moment.at);
  }
  function drawPair(at) {
    const [from, to] = [pairs.rows[reach.from], pairs.columns[reach.to]], some = pairs.of.get(`${from} ${to}`) || [], how = pairAt(some.length ? some : null, at);
    here.setAttribute("x", left + reach.to * size); here.setAttribute("y", top + reach.from * size);
    const dead = some.map((flow) => holeAt(flow, at)).filter(Boolean);
    const whole = some.reduce((sum, flow) => sum + flow.weight, 0);
    const silent = some.flatMap((flow) => flow.holes.map(([from, until]) => until - from));
    words.replaceChildren(el("b", {}, `${R.traffic.hosts[from]} → ${R.traffic.hosts[to]}`), some.length === 0 ? ": no flow" : `: ${plural(some.length, "flow")}, ${bits(whole)}. `,
      ...(some.length === 0 ? [] : how.level === "none" ? ["Nothing is sent now."] : dead.length === 0 ? ["All of it arrives now."] : [el("span", { class: how.level }, dead.length === some.length ? "Nothing arrives" : `${dead.length} of ${some.length} flows do not arrive`), ` since ${clock(Math.min(...dead.map((hole) => hole[0])))}: ${deaths[dead[0][3]].text}.`]),
      ...(silent.length ? [el("span", { class: "dim" }, ` ${plural(silent.length, "black hole")} in all, the longest of ${span(Math.max(...silent))}.`)] : []));
    const picture = strip;
    if (picture) picture.replaceChildren(svg("rect", { x: 0, y: 0, width: 1000, height: 12, style: "fill:var(--ok-soft)" }), ...some.flatMap((flow) => flow.holes.map(([begin, end]) => svg("rect", { x: begin / R.duration * 1000, y: 0, width: Math.max(1, (end - begin) / R.duration * 1000), height: 12, style: `fill:var(--bad);opacity:${Math.max(.25, 1 / some.length)}` }))));
  }
  function drawStrips() {
    strip = svg("svg", { viewBox: "0 0 1000 12", preserveAspectRatio: "none", style: "width:100%;height:12px;display:block", "aria-hidden": "true" });
    const list = stepsOf(reach.set);
    const chart = svg("svg", { class: "strip", viewBox: "0 0 1000 100", preserveAspectRatio: "none", role: "img", "aria-label": "Share of the volume that arrives, over time" },
      svg("path", { class: "lack", d: outline(list.map(([at, sent]) => [at, sent, 0]), 0, R.duration, 1000, 100) }), svg("path", { class: "area", d: outline(list, 0, R.duration, 1000, 100, depthOf(reach.set)) }), svg("line", { class: "now", y1: 0, y2: 100, "vector-effect": "non-scaling-stroke" }));
    chart.addEventListener("click", (event) => { const box = chart.getBoundingClientRect(); setMoment((event.clientX - box.left) / box.width * R.duration); });
    strips.replaceChildren(el("h3", {}, "Share of the volume that arrives: ", el("span", { class: "share number" }), depthOf(reach.set) < 1 && el("span", { class: "dim" }, ` (from ${percent(1 - depthOf(reach.set))} at the bottom to 100 %)`)), chart, el("div", { class: "bar dim small", style: "margin:0" }, el("span", {}, clock(0)), el("span", { class: "push" }, clock(R.duration))), el("h3", {}, "The pair"), words, strip);
  }
  function drawMoments() {
    const some = plateaus(reach.set, 8), small = Math.max(2, Math.min(9, Math.floor(96 / Math.max(pairs.columns.length, pairs.rows.length))));
    moments.replaceChildren(...some.map((one) => {
      const at = (one.from + one.until) / 2;
      const picture = svg("svg", { width: small * pairs.columns.length, height: small * pairs.rows.length, "aria-hidden": "true" }, pairs.rows.map((from, y) => pairs.columns.map((to, x) => { const how = pairAt(pairs.of.get(`${from} ${to}`), at).level; return how === "off" ? [] : cell(x * small, y * small, small, how); })));
      return el("button", { type: "button", on: { click: () => setMoment(at) } }, picture, el("b", {}, clock(Math.round(one.from / SECOND) * SECOND)), el("br"), `${percent(1 - one.lost)} arrives`, el("br"), el("span", { class: "dim" }, `for ${span(one.until - one.from)}`));
    }));
  }
  function show(at) {
    cells.replaceChildren(...pairs.rows.flatMap((from, y) => pairs.columns.flatMap((to, x) => cell(left + x * size, top + y * size, size, pairAt(pairs.of.get(`${from} ${to}`), at).level))));
    drawPair(at);
    const share = shareAt(reach.set, at), line = strips.querySelector(".now");
    line.setAttribute("x1", at / R.duration * 1000); line.setAttribute("x2", at / R.duration * 1000);
    strips.querySelector(".share").textContent = share === null ? "" : percent(share);
  }
  const square = (level, text) => el("span", {}, svg("svg", { width: 16, height: 16 }, cell(1, 1, 14, level)), ` ${text}`);
  section.append(el("div", { class: "bar" }, buttons), el("div", { class: "legend" }, square("ok", "arrives"), square("warn", "arrives in part"), square("bad", "nothing arrives"), square("none", "nothing is sent")),
    el("div", { class: "pairs" }, holder, strips), el("h3", {}, "The longest stretches"), moments);
  // A map of all, where it can be read; else of those that lost most.
  setSet(keys.includes(null) && R.traffic.hosts.length <= 40 ? null : foremost);
  onMoment(show);
  let wait = 0;
  addEventListener("resize", () => { clearTimeout(wait); wait = setTimeout(() => { drawGrid(); show(moment.at); }, 120); });
}
