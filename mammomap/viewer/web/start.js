// Puts the page together: state, panes, list, controls, keys.
"use strict";

mammomap.start = () => {
  const { byId, about } = mammomap;
  const grey = { window: 1, level: 0, invert: false };
  const state = {
    layer: "lesion", opacity: 0.5, threshold: about.threshold, showMap: true, showCandidates: true, showTruth: true,
    chosen: null, ...grey,
  };
  const host = byId("panes"), pointed = byId("pointed");
  const told = { moved, leads, pointed: point, choose, greyDragged };
  let panes = [], leader = null, pairing = "alone", following = false;

  for (const id of ["trained", "trained-too"]) byId(id).textContent = about.trained;
  byId("made").textContent = about.made;
  const list = mammomap.makeList(state, (film) => open(film));
  const act = { breast: () => pair("breast"), view: () => pair("view"), alone: () => pair("alone"), reset, changed, go,
    step, full, whole, native, zoom, pan, flip, nudge, window: widen, layer, candidate, filter, help, back };
  const controls = mammomap.makeControls(state, act);
  mammomap.makeKeys(act);
  for (const [id, action] of Object.entries({ "to-list": back, "to-next": () => step(1), "to-previous": () => step(-1),
    "to-whole": whole, "to-native": native, "to-full": full, "to-help": help, "to-panel": panel })) {
    byId(id).addEventListener("click", action);
  }
  byId("close-help").addEventListener("click", help);

  // Show a film, with its partner where films are looked at in pairs.
  async function open(film) {
    const partner = pairing === "alone" ? null : mammomap.partner(film, pairing);
    const films = partner ? asHung(film, partner) : [film];
    document.body.dataset.shows = "film";
    state.chosen = null;
    while (panes.length < films.length) panes.push(mammomap.makePane(host, state, told));
    while (panes.length > films.length) {
      const pane = panes.pop();
      pane.close();
      pane.viewer.destroy();
      pane.root.remove();
    }
    host.dataset.panes = films.length;
    mammomap.panes = panes;
    leader = panes[films.indexOf(film)];
    list.mark([film.id, ...(partner ? [partner.id] : [])]);
    document.title = `${mammomap.hung(film)} ${film.id}`;
    history.replaceState(null, "", `#${encodeURIComponent(film.id)}`);
    host.classList.remove("failed");
    try {
      const opened = await Promise.all(films.map((one, at) => panes[at].open(one)));
      if (!opened.every(Boolean)) return;
    } catch (error) {
      host.classList.add("failed");
      byId("failed").textContent = `This film cannot be shown: ${error.message}.`;
      return;
    }
    if (leader) {
      moved(leader);
      controls.refresh(leader);
    }
    for (const [which, id] of [["breast", "beside-breast"], ["view", "beside-view"], ["alone", "beside-none"]]) {
      byId(id).setAttribute("aria-pressed", pairing === which);
    }
    byId("pairing").textContent = partner
      ? `In step${panes[0].chest === panes[1].chest ? "" : ", as mirror images"}.`
      : pairing === "alone" ? "" : `No other ${pairing} of this woman here.`;
    document.body.dataset.ready = film.id;
  }

  // The woman's right breast stands on the left, as films are hung; CC before MLO.
  function asHung(a, b) {
    const first = (film) => (film.side === "RIGHT" ? 0 : 2) + (film.view === "CC" ? 0 : 1);
    return first(a) <= first(b) ? [a, b] : [b, a];
  }

  function pair(which) {
    pairing = pairing === which ? "alone" : which;
    if (leader && leader.film) open(leader.film);
  }

  function moved(pane) {
    if (panes.length < 2 || pane !== leader || following) return;
    following = true;
    for (const other of panes) if (other !== pane) mammomap.follow(pane, other);
    following = false;
  }

  function leads(pane) {
    if (leader === pane) return;
    leader = pane;
    controls.refresh(pane);
  }

  function point(pane, row, col) {
    const [r, c] = [Math.round(row), Math.round(col)];
    const { film, data } = pane;
    const inside = r >= 0 && c >= 0 && r < film.rows && c < film.cols;
    const value = inside ? mammomap.valueAt(data.map, data.map[state.layer], r, c) : null;
    pointed.textContent = inside
      ? `row ${r}, col ${c}${value === null ? "" : `, ${state.layer} ${value.toFixed(2)}`}`
      : "";
  }

  function changed() {
    for (const pane of panes) pane.refresh();
    list.refresh();
    controls.refresh(leader);
  }

  function choose(pane, number) {
    state.chosen = { id: pane.film.id, number };
    leader = pane;
    changed();
    const row = byId("candidates").querySelector("[aria-current]");
    if (row) row.scrollIntoView({ block: "nearest" });
  }

  function go(pane, number) {
    const { row, col } = pane.data.candidates[number];
    choose(pane, number);
    pane.look(Math.max(pane.place()[2], 0.5), row, col);
  }

  function candidate() {
    if (!leader || !leader.film) return;
    const shown = leader.data.candidates.map((one, number) => [one, number])
      .filter(([one]) => one.layer === state.layer && one.score >= state.threshold).map(([, number]) => number);
    if (!shown.length) return;
    const now = state.chosen && state.chosen.id === leader.film.id ? shown.indexOf(state.chosen.number) : -1;
    go(leader, shown[(now + 1) % shown.length]);
  }

  function step(by) {
    const film = list.beside(by);
    if (film) open(film);
  }

  function flip(name) {
    state[name] = !state[name];
    changed();
  }

  function nudge(name, by, least, most) {
    state[name] = Math.min(most, Math.max(least, Math.round((state[name] + by) * 100) / 100));
    changed();
  }

  function widen(factor) {
    state.window = Math.min(4, Math.max(1 / 16, state.window * factor));
    changed();
  }

  // Shift and drag: across for the window, down for the level.
  function greyDragged(across, down) {
    state.level = Math.min(1, Math.max(-1, state.level + down / 400));
    widen(2 ** (across / 200));
  }

  function layer() {
    state.layer = state.layer === "lesion" ? "malignancy" : "lesion";
    changed();
  }

  function reset() {
    Object.assign(state, grey, { opacity: 0.5, threshold: about.threshold });
    changed();
  }

  const viewport = () => leader && leader.film && leader.viewer.viewport;
  function whole() {
    if (viewport()) viewport().goHome();
  }
  function native() {
    if (viewport()) {
      const { pixels } = leader.data;
      leader.look((pixels ? pixels.cols / leader.film.cols : 1) / (window.devicePixelRatio || 1));
    }
  }
  function zoom(by) {
    if (viewport()) viewport().zoomBy(by).applyConstraints();
  }
  function pan(key) {
    if (!viewport()) return;
    const part = 0.15 / viewport().getZoom();
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    viewport().panBy(new OpenSeadragon.Point(x * part, y * part)).applyConstraints();
  }

  // The page's own full screen, and the browser's where it lets us.
  function full() {
    const on = document.body.classList.toggle("full");
    const asked = on ? document.documentElement.requestFullscreen?.() : document.fullscreenElement && document.exitFullscreen();
    if (asked) asked.catch(() => {});
  }
  document.addEventListener("fullscreenchange", () => {
    if (!document.fullscreenElement) document.body.classList.remove("full");
  });
  // A film that was seen whole stays so where the panel takes its room.
  function panel() {
    const fitted = viewport() && viewport().getZoom() < 1.01 * viewport().getHomeZoom();
    document.body.classList.toggle("panel");
    if (fitted) leader.viewer.addOnceHandler("after-resize", whole);
  }
  function help() {
    const dialog = byId("help");
    if (dialog.open) dialog.close();
    else dialog.showModal();
  }
  function filter() {
    document.body.classList.remove("full");
    document.body.dataset.shows = "list";
    byId("filter").focus();
  }
  function back() {
    if (document.body.classList.contains("full")) full();
    else if (document.body.classList.contains("panel")) panel();
    else document.body.dataset.shows = "list";
  }

  controls.refresh(null);
  const wanted = decodeURIComponent(location.hash.slice(1));
  const named = mammomap.films.find((film) => film.id === wanted && film.status === "done");
  const narrow = matchMedia("(max-width: 800px)").matches;
  const first = named || (narrow ? null : list.beside(1));
  if (first) open(first);
  else document.body.dataset.ready = "";
};

mammomap.start();
