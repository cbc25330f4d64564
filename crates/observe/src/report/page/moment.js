// The moment that is shown: one for the whole page, in the address as #t=13:35:00.

const moment = { at: 0, heard: [], playing: null };
const onMoment = (show) => moment.heard.push(show);

function setMoment(at, settled = true) {
  moment.at = Math.max(0, Math.min(R.duration, Math.round(at)));
  for (const show of moment.heard) show(moment.at);
  if (settled) writeAddress();
}

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B"));
  return { at: given.has("t") ? readClock(given.get("t").trim()) : null, chosen: given.get("at") };
}
function writeAddress() {
  const parts = [`t=${clock(moment.at).replace(" ", "")}`];
  if (chosenName()) parts.push(`at=${encodeURIComponent(chosenName())}`);
  const hash = `#${parts.join("&")}`;
  if (location.hash !== hash) history.replaceState(null, "", hash);
}

function play() {
  if (moment.playing) return pause();
  const speed = R.duration / (Number(byId("speed").value) * 1000);
  if (moment.at >= R.duration) setMoment(0, false);
  let last = performance.now();
  const step = (now) => {
    setMoment(moment.at + (now - last) * speed, false);
    last = now;
    moment.playing = moment.at < R.duration ? requestAnimationFrame(step) : null;
    if (!moment.playing) pause();
  };
  moment.playing = requestAnimationFrame(step);
  byId("play").textContent = "❚❚";
  byId("play").setAttribute("aria-label", "Pause");
}
function pause() {
  if (moment.playing) cancelAnimationFrame(moment.playing);
  moment.playing = null;
  byId("play").textContent = "▶";
  byId("play").setAttribute("aria-label", "Play");
  writeAddress();
}

function drawTransport() {
  // A slider of some thousand steps; single events are reached by the buttons beside it.
  const step = Math.max(SECOND, Math.round(R.duration / 3000 / SECOND) * SECOND);
  const slider = el("input", { type: "range", id: "slider", min: 0, max: R.duration, step, "aria-label": "Moment", on: { input: () => setMoment(Number(slider.value), false), change: writeAddress } });
  const shown = el("output", { id: "moment", for: "slider" });
  const jump = (direction, label, text) => el("button", { type: "button", title: label, "aria-label": label, on: { click: () => { const at = nextEvent(moment.at, direction); if (at !== null) setMoment(at); } } }, text);
  byId("transport").append(
    el("button", { type: "button", id: "play", "aria-label": "Play", on: { click: play } }, "▶"),
    jump(-1, "The event before", "‹"), shown, el("div", { class: "lane" }, sparkline(), slider),
    el("span", { class: "bar" }, jump(1, "The next event", "›"),
      el("select", { id: "speed", class: "speed", "aria-label": "How long playing takes" }, [[30, "in 30 s"], [60, "in 1 min"], [300, "in 5 min"], [R.duration / SECOND, "as in life"]].map(([seconds, text]) => el("option", { value: seconds }, text)))));
  onMoment((at) => {
    slider.value = at;
    slider.setAttribute("aria-valuetext", clock(at));
    shown.textContent = clock(Math.floor(at / 1000) * 1000);
    for (const place of document.querySelectorAll(".at")) place.textContent = `at ${clock(Math.floor(at / 1e5) * 1e5)}`;
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, button, textarea, [tabindex]") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " ") { event.preventDefault(); play(); }
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") { event.preventDefault(); setMoment(moment.at + (event.key === "ArrowLeft" ? -1 : 1) * (event.shiftKey ? 10 : 1) * step); }
  });
  addEventListener("hashchange", () => { const { at } = readAddress(); if (at !== null) setMoment(at, false); });
}
