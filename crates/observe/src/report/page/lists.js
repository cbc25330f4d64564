// What is told in words: head, alarms, black holes, checkers, variants, assumptions.

function drawHead() {
  const how = R.holds ? "ok" : "bad";
  const set = foremost, lost = R.traffic.flows.length ? flows.filter((flow) => flow.holes.length).length : 0;
  const figure = (value, name) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
  byId("head").append(
    el("p", { class: "kicker" }, `greylag replay · ${R.scenario} · ${R.variant ? `variant ${R.variant}` : "as it was"} · seed ${R.seed} · ${clock(0)} to ${clock(R.duration)} (${span(R.duration)}${R["cut-short"] ? ", cut short" : ""})`),
    el("h1", {}, R.title),
    el("p", { class: `verdict ${how}` }, `${R.holds ? "✓ all as expected" : "✕ not as expected"}: ${R.verdict}`),
    el("div", { class: R.lesson ? "two" : null }, el("div", {}, el("p", { class: "summary" }, R.summary.join(" ")),
    el("dl", { class: "figures" },
      flows.length > 0 && figure(`${lost} of ${flows.length}`, "flows with a black hole"), flows.length > 0 && figure(percent(worstOf(set)), `of ${sets[set].name} lost at worst`),
      flows.length > 0 && figure(span(Math.max(0, ...flows.flatMap((flow) => flow.holes.map(([from, until]) => until - from)))), "longest black hole"),
      figure(R.expectations.filter((one) => one.holds).length + " of " + R.expectations.length, "expectations come out"), figure(String([...R.parameters, ...R.orders].filter((one) => one.standing === "assumed").length), "assumptions"))),
    R.lesson && el("div", {}, el("dl", { class: "lesson" }, ["Cause", "Seen", "Notice", "Avoid"].flatMap((name, index) => [el("dt", {}, name), el("dd", {}, R.lesson[index])])))));
  const sections = [...document.querySelectorAll("main section:not([hidden])")];
  byId("contents").append(el("ul", {}, sections.map((section) => el("li", {}, el("a", { href: `#${section.id}`, on: { click: (event) => { event.preventDefault(); section.scrollIntoView(); } } }, section.querySelector("h2").firstChild.textContent.trim())))));
  byId("foot").append(el("p", {}, `${R.events} events, SHA-256 of the event log `, el("code", {}, R.digest), ". The same scenario, seed and assumptions give this page again, to the last byte."));
}

function drawAlarms() {
  const section = byId("alarms");
  if (!R.pollers.length) { section.hidden = true; return; }
  const gantt = el("div", { class: "gantt" }, axis());
  for (const poller of R.pollers) {
    gantt.append(el("div", { class: "group" }, `${poller.name} looks every ${span(poller.period)}, first at ${clock(poller.phase)}${poller.unanswered ? `; ${plural(poller.unanswered, "look")} without an answer` : ""}`));
    // Alarms that nobody saw are told once for each kind.
    const missed = new Map();
    for (const alarm of poller.alarms) {
      const name = `${alarm.severity} ${alarm.alarm} ${alarm.switch}`;
      if (alarm.seen === null && missed.has(name)) missed.get(name).push(alarm); else if (alarm.seen === null) missed.set(name, [alarm]); else gantt.append(alarmRow([alarm]));
    }
    if (!poller.alarms.length) gantt.append(el("p", { class: "dim" }, "no alarm was raised"));
    gantt.append(...[...missed.values()].map(alarmRow));
  }
  section.append(el("div", { class: "legend" }, el("span", {}, "▼ raised"), el("span", {}, "◆ seen"), el("span", {}, "◇ gone"), el("span", {}, "bar: raised"), el("span", {}, "dashed: when a poller of that period sees it first, whatever its phase")), gantt);
}
function alarmRow(alarms) {
  const [{ severity, alarm, switch: name, raised, seen, gone, earliest, latest, maybe }] = alarms;
  const how = severity === "red" ? "bad" : "warn", node = nodeCalled.get(name);
  const track = R.tracks.find((track) => track.kind === "alarm" && track.node === node && track.name.split(" ")[0] === alarm);
  const cleared = (from) => { const next = track && track.turns.find(([at, state]) => at > from && state !== "red" && state !== "yellow"); return next ? next[0] : R.duration; };
  const marks = alarms.flatMap((one) => [bar(one.raised, cleared(one.raised), `${how}${how === "warn" ? " dashed" : ""}`, `raised ${clock(one.raised)} to ${clock(cleared(one.raised))}`), mark(one.raised, "▼", how, `raised ${clock(one.raised)}`)]);
  const text = [el("b", {}, name), ` ${severity} ${alarm}`];
  if (seen === null) return row([lead(raised, text), el("span", { class: "dim" }, alarms.length > 1 ? `, and ${alarms.length - 1} times more; never seen` : "; never seen")], marks);
  marks.push(bar(earliest, latest, "range off", `in any phase ${clock(earliest)} to ${clock(latest)}`), mark(seen, "◆", "", `seen ${clock(seen)}`), gone !== null && mark(gone, "◇", "", `gone ${clock(gone)}`));
  return row([lead(raised, text), `; seen ${clock(seen)}, `, el("b", {}, span(seen - raised)), " later", el("span", { class: "dim" }, `; in any phase ${clock(earliest)} to ${clock(latest)}${maybe ? ", or never" : ""}${gone !== null ? `; gone ${clock(gone)}` : ""}`)], marks);
}

function drawHoles() {
  const section = byId("holes");
  if (!R.holes.length) { section.append(el("p", {}, flows.length ? "Nothing was lost for good: no probe is missing." : "No traffic was sent.")); return; }
  const all = R.holes.reduce((sum, one) => sum + one.lost, 0);
  const line = (one) => el("tr", {}, el("td", { class: "number", "data-of": "lost" }, percent(one.lost / all)), el("td", {}, el("b", {}, one.cause), el("div", { class: "dim" }, one.subject)),
    el("td", { class: "number", "data-of": "from" }, lead(one.first)), el("td", { class: "number", "data-of": "until" }, clock(one.last)), el("td", { class: "number", "data-of": "longest" }, one.longest), el("td", { class: "number", "data-of": "probes" }, String(one.lost)));
  const table = (some) => el("div", { class: "wide" }, el("table", { class: "cards" }, el("thead", {}, el("tr", {}, el("th", { class: "number" }, "of all"), el("th", {}, "where and why"), el("th", { class: "number" }, "from"), el("th", { class: "number" }, "until"), el("th", { class: "number" }, "longest"), el("th", { class: "number" }, "probes"))), el("tbody", {}, some.map(line))));
  section.append(el("p", { class: "dim small" }, "The place nearest to the receiver where the probes of a black hole were last seen, and what stands behind it."), table(R.holes.slice(0, 10)));
  if (R.holes.length > 10) section.append(el("details", {}, el("summary", {}, `${R.holes.length - 10} causes more`), table(R.holes.slice(10, 400)), R.holes.length > 400 && el("p", { class: "dim" }, `and ${R.holes.length - 400} that lost less`)));
}

function drawChecks() {
  const section = byId("checks");
  if (!R.violations.length && !R.missing.length) { section.append(el("p", {}, "Nothing: no loop, no duplicate, no black hole that lasts, nobody who forwards and does not learn.")); return; }
  // A checker that has several of one kind to complain about tells the first, and names the others.
  const groups = [];
  for (const violation of R.violations) {
    const known = groups.find(([first]) => first.checker === violation.checker && first.expected === violation.expected);
    if (known) known.push(violation); else groups.push([violation]);
  }
  const whose = (violation) => lead(violation.at, violation.node || violation.subject || "");
  const one = ([first, ...others]) => el("li", {}, el("span", { class: `badge ${first.expected ? "dim" : "bad"}` }, first.expected ? "expected" : "✕ unexpected"), " ", lead(first.at, el("b", {}, first.checker), first.node && ` on ${first.node}`, `: ${first.text}`), first.subject && el("span", { class: "dim" }, ` (${first.subject})`), first.times > 1 && el("span", { class: "dim" }, `, ${first.times} times`),
    others.length > 0 && el("div", { class: "small" }, "and ", others.slice(0, 40).flatMap((other, index) => [index ? ", " : "", whose(other)]), others.length > 40 && ` and ${others.length - 40} more`),
    first.led.length > 0 && el("details", {}, el("summary", { class: "small" }, "what led there"), el("ul", { class: "small dim" }, first.led.map(([at, node, text]) => el("li", {}, `${clock(at)} ${node}: ${text}`)))));
  section.append(el("ul", { class: "stack" }, R.missing.map((text) => el("li", {}, el("span", { class: "badge bad" }, "✕ missing"), ` ${text} was expected, and was not there`)), groups.map(one)));
}

function drawVariants() {
  const section = byId("variants");
  if (!R.variants.length) { section.hidden = true; return; }
  const volume = (one) => one.losses.reduce((sum, loss) => sum + loss["lost-bits"], 0) / 60e9;
  const ranked = R.variants.slice().sort((one, other) => volume(one) - volume(other)), most = Math.max(...ranked.map(volume), 1e-9), heavy = set0();
  function set0() { const all = R.variants[0].losses; return all.length ? all.reduce((one, other) => other["weight-bps"] > one["weight-bps"] ? other : one).flows : null; }
  const minutes = (one) => { const loss = one.losses.find((loss) => loss.flows === heavy); return loss && loss["weight-bps"] ? loss["lost-bits"] / loss["weight-bps"] / 60 : 0; };
  section.append(el("p", { class: "dim small" }, `What was lost, by volume, with the same seed under other designs. Minutes are those for which all of “${heavy}” would have had to be away.`), el("table", { class: "cards" },
    el("thead", {}, el("tr", {}, el("th", {}, "variant"), el("th", { class: "number" }, "lost minutes"), el("th", { class: "number" }, "minutes × Gbit/s"), el("th", { style: "width:30%" }, ""))),
    el("tbody", {}, ranked.map((one) => el("tr", { class: volume(one) === 0 ? "best" : null }, el("td", {}, el("span", { class: one.holds ? "ok" : "bad", title: one.holds ? "as expected" : "not as expected" }, one.holds ? "✓ " : "✕ "), el("b", {}, one.name || "as it was"), el("div", { class: "dim" }, one.name ? one.title : "")),
      el("td", { class: "number", "data-of": "lost minutes" }, minutes(one).toFixed(minutes(one) < 10 ? 2 : 1)), el("td", { class: "number", "data-of": "minutes × Gbit/s" }, volume(one).toFixed(volume(one) < 10 ? 2 : 0)), el("td", {}, el("div", { class: "meter-bar", style: `width:${volume(one) / most * 100}%` })))))));
}

function drawAssumptions() {
  const section = byId("assumptions"), open = R.expectations.filter((one) => one.unexplained);
  if (open.length) section.append(el("h3", {}, "What nobody can explain yet"), el("ul", { class: "stack" }, open.map((one) => el("li", {}, el("span", { class: one.holds ? "ok" : "warn" }, one.holds ? "✓ " : "? "), el("b", {}, one.name), `: ${one.text}`, one.logged !== null && `, logged ${clock(one.logged)}`, one.failure && el("span", { class: "warn" }, ` — ${one.failure}`), el("div", { class: "dim" }, one.unexplained)))));
  for (const [standing, text] of [["logged", "Logged: somebody's log says so"], ["documented", "Documented: a document says so"], ["assumed", "Assumed: nobody says so"]]) {
    const some = R.parameters.filter((one) => one.standing === standing), steps = R.orders.filter((one) => one.standing === standing);
    if (!some.length && !steps.length) continue;
    fill(section, {}, [el("h3", {}, text), some.length > 0 && el("table", { class: "cards" }, el("tbody", {}, some.map((one) => el("tr", {}, el("td", { class: "named" }, el("code", {}, one.name), " = ", el("code", {}, el("b", {}, one.value))), el("td", { class: "dim" }, one.source || ""))))),
      steps.length > 0 && el("p", { class: "dim small" }, `${plural(steps.length, "step")} of what was done: ${[...new Set(steps.map((one) => `${clock(one.at)} ${one.text}${one.source ? ` (${one.source})` : ""}`))].slice(0, 12).join("; ")}${steps.length > 12 ? "; .." : ""}.`)]);
  }
  if (section.children.length === 1) section.append(el("p", {}, "This scenario has no parameter and no order: nothing is assumed."));
}
