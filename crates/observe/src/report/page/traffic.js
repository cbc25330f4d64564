// Who reaches whom, from the black holes of every flow: nothing is sampled.

const flows = R.traffic.flows.map(([set, from, to, weight, [begin, end], holes]) => ({ set, from, to, weight, begin, end, holes }));
const sets = R.traffic.sets.map(([name, interval], index) => ({ name, interval, index, weight: 0 }));
for (const flow of flows) sets[flow.set].weight += flow.weight;
const ofSet = (set) => set === null ? flows : flows.filter((flow) => flow.set === set);

// The hole that a flow is in, if it is in one.
function holeAt(flow, at) {
  const index = turnAt(flow.holes, at);
  return index >= 0 && at < flow.holes[index][1] ? flow.holes[index] : null;
}
const isSent = (flow, at) => flow.begin <= at && at < flow.end;

// What is sent and what of it is lost, bit/s, from each time at which that changes: [time, sent, lost].
function steps(some) {
  const changes = [];
  for (const flow of some) {
    changes.push([flow.begin, flow.weight, 0], [flow.end, -flow.weight, 0]);
    for (const [from, until] of flow.holes) changes.push([from, 0, flow.weight], [Math.min(until, flow.end), 0, -flow.weight]);
  }
  changes.sort((one, other) => one[0] - other[0]);
  const result = [[0, 0, 0]];
  let sent = 0, lost = 0;
  for (const [at, more, less] of changes) {
    sent += more; lost += less;
    if (result[result.length - 1][0] === at) result.pop();
    result.push([at, sent, lost]);
  }
  return result;
}
const cache = new Map();
function stepsOf(set) {
  if (!cache.has(set)) cache.set(set, steps(ofSet(set)));
  return cache.get(set);
}
function shareAt(set, at) {
  const list = stepsOf(set), [, sent, lost] = list[Math.max(0, turnAt(list, at))];
  return sent > 0 ? 1 - lost / sent : null;
}

// How much of a set is lost at worst; and of how much a picture of it speaks, so that little is not too little to see.
function worstOf(set) {
  return Math.max(0, ...stepsOf(set).map(([, sent, lost]) => sent > 0 ? lost / sent : 0));
}
function depthOf(set) {
  const worst = worstOf(set);
  return [.001, .002, .005, .01, .02, .05, .1, .25].find((depth) => worst > 0 && worst <= depth) || 1;
}

// The share that arrives as an outline, from `from` to `until` on `width`; `height` is a share of `depth`.
function outline(list, from, until, width, height, depth = 1) {
  const x = (at) => (Math.max(from, Math.min(until, at)) - from) / (until - from) * width;
  const y = (sent, lost) => sent > 0 ? height * Math.min(1, lost / sent / depth) : height;
  let path = `M0 ${height}`, last = null;
  for (let index = Math.max(0, turnAt(list, from)); index < list.length && list[index][0] <= until; index++) {
    const [at, sent, lost] = list[index], now = y(sent, lost);
    if (now !== last) path += `H${x(at).toFixed(2)}V${now.toFixed(2)}`;
    last = now;
  }
  return `${path}H${width}V${height}Z`;
}

// The set of flows that a reader is shown first: the one that lost most, by volume.
const lostOf = (set) => flows.reduce((sum, flow) => flow.set === set ? sum + flow.weight * flow.holes.reduce((all, [from, until]) => all + until - from, 0) : sum, 0);
const volumes = sets.map((set) => lostOf(set.index));
const foremost = sets.length ? sets.reduce((one, other) => volumes[other.index] > volumes[one.index] || (volumes[other.index] === volumes[one.index] && other.weight > one.weight) ? other : one).index : null;
function sparkline() {
  if (!flows.length) return null;
  const list = stepsOf(foremost);
  const sent = svg("path", { class: "spark-bed", d: outline(list.map(([at, sent]) => [at, sent, 0]), 0, R.duration, 1000, 30) });
  return svg("svg", { viewBox: "0 0 1000 30", preserveAspectRatio: "none", "aria-hidden": "true" }, sent, svg("path", { class: "spark", d: outline(list, 0, R.duration, 1000, 30, depthOf(foremost)) }));
}

// Stretches in which about as much arrives: where a reader would look. The longest come out, in the order of time.
function plateaus(set, most) {
  const list = stepsOf(set), result = [], alike = Math.max(.002, worstOf(set) * .05);
  const share = ([, sent, lost]) => sent > 0 ? lost / sent : null;
  for (let index = 0; index < list.length; index++) {
    const until = index + 1 < list.length ? list[index + 1][0] : R.duration, lost = share(list[index]);
    if (lost === null || until <= list[index][0]) continue;
    const last = result[result.length - 1];
    if (last && Math.abs(last.lost - lost) < alike && (last.lost === 0) === (lost === 0)) last.until = until;
    else result.push({ from: list[index][0], until, lost });
  }
  const weigh = (one) => (one.until - one.from) * (one.lost > 0 ? 3 : 1);
  const chosen = result.slice().sort((one, other) => weigh(other) - weigh(one)).slice(0, most);
  return chosen.filter((one) => one.until - one.from > R.duration / 1000).sort((one, other) => one.from - other.from);
}

// Where the page opens: in the middle of what was lost most, by share and time.
function worstMoment() {
  if (!flows.length) return R.orders.length ? R.orders[0].at : 0;
  const weigh = (one) => one.lost * Math.sqrt(one.until - one.from);
  const worst = plateaus(foremost, 40).reduce((one, other) => !one || weigh(other) > weigh(one) ? other : one, null);
  if (!worst || worst.lost === 0) return R.orders.length ? R.orders[0].at + SECOND : 0;
  return Math.ceil((worst.from + (worst.until - worst.from) * .1) / SECOND) * SECOND;
}
const firstLoss = () => Math.min(...flows.flatMap((flow) => flow.holes.length ? [flow.holes[0][0]] : []), Infinity);
