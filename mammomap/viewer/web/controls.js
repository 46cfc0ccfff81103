// The panel: what is shown and how, candidates and reasons. Everything is kept in one state, which panes read.
"use strict";

mammomap.makeControls = (state, told) => {
  const { byId, element, shown, signed } = mammomap;
  const about = mammomap.about;

  // An input and the value that it stands for. Sliders of window and level count from the film's own window.
  const bound = [
    range("opacity", () => Math.round(state.opacity * 100), (v) => (state.opacity = v / 100), (v) => `${v} %`),
    range("threshold", () => state.threshold.toFixed(2), (v) => (state.threshold = v), () => state.threshold.toFixed(2)),
    range("window", () => Math.round(100 * Math.log2(state.window)), (v) => (state.window = 2 ** (v / 100)),
      () => `${Math.round(state.window * 100)} %`),
    range("level", () => Math.round(state.level * 100), (v) => (state.level = v / 100), (v) => `${signedWhole(v)} %`),
    tick("show-map", "showMap"),
    tick("show-candidates", "showCandidates"),
    tick("show-truth", "showTruth"),
    tick("invert", "invert"),
  ];
  const layer = byId("layer");
  layer.addEventListener("change", () => {
    state.layer = layer.value;
    told.changed();
  });

  function range(id, read, write, words) {
    const input = byId(id), output = byId(`${id}-value`);
    input.addEventListener("input", () => {
      write(Number(input.value));
      told.changed();
    });
    return () => {
      input.value = read();
      output.textContent = words(Number(input.value));
    };
  }

  function tick(id, name) {
    const input = byId(id);
    input.addEventListener("change", () => {
      state[name] = input.checked;
      told.changed();
    });
    return () => (input.checked = state[name]);
  }

  const signedWhole = (value) => (value < 0 ? `−${-value}` : `+${value}`);

  byId("threshold-from").textContent = `begins at ${about.threshold.toFixed(2)}: ${about.threshold_from}`;
  byId("truth-row").hidden = !about.truth;
  byId("truth-legend").hidden = !about.truth;
  byId("malignant-swatch").style.borderColor = about.malignant;
  byId("benign-swatch").style.borderColor = about.benign;
  const buttons = { reset: "reset", "beside-breast": "breast", "beside-view": "view", "beside-none": "alone" };
  for (const [id, name] of Object.entries(buttons)) byId(id).addEventListener("click", () => told[name]());

  function refresh(pane) {
    for (const show of bound) show();
    layer.value = state.layer;
    mammomap.paintLegend(byId("legend"), state.threshold);
    if (pane && pane.film) fillFilm(pane);
  }

  function fillFilm(pane) {
    const { film, data } = pane;
    byId("of-film").textContent = `${mammomap.hung(film)} ${film.id}`;
    const values = about.columns.map(({ key, head }) => [head, shown(film.values[key], 3)]).filter(([, v]) => v);
    byId("scores").replaceChildren(
      ...values.flatMap(([head, value]) => [element("dt", { text: head }), element("dd", { text: value })])
    );
    byId("score-says").textContent = about.score_says + (about.in_sample ? " In sample: net or head have seen women." : "");
    for (const which of ["breast", "view"]) {
      const partner = mammomap.partner(film, which);
      byId(`beside-${which}`).disabled = !partner;
      byId(`beside-${which}`).title = partner ? `${mammomap.hung(partner)} ${partner.id}` : "no such film of this woman";
    }
    fillCandidates(pane);
    byId("reasons").replaceChildren(
      ...data.reasons.map(({ name, value, moved }) =>
        element("tr", {}, element("td", { text: name }), element("td", { class: "figure", text: shown(value, 3) }),
          element("td", { class: "figure", text: moved === null ? "" : signed(moved) }))
      )
    );
    byId("reasons-part").hidden = !data.reasons.length;
    const unread = (data.truth || []).filter((lesion) => lesion.note);
    const lesions = (data.truth || []).map(({ kind, malignant, approximate, ignored, note }) =>
      [malignant ? "malignant" : "benign", kind, approximate ? "(outline approximate)" : "", ignored ? "(not counted)" : "",
        note && `(${note})`].filter(Boolean).join(" "));
    byId("truth-told").textContent = !about.truth ? "" : data.truth === null ? "truth: not known for this film"
      : lesions.length ? `truth: ${lesions.join("; ")}` : "truth: no lesion outlined";
    byId("truth-told").classList.toggle("fault", unread.length > 0);
  }

  function fillCandidates(pane) {
    const { film, data } = pane;
    const rows = [];
    data.candidates.forEach((candidate, number) => {
      if (candidate.layer !== state.layer || candidate.score < state.threshold) return;
      const size = candidate.area_mm2 !== null ? `${candidate.area_mm2.toFixed(0)} mm²`
        : candidate.area !== null ? `${Math.round(candidate.area).toLocaleString("en")} pixels` : "";
      const why = candidate.moved === null ? "" : `, moved the score by ${signed(candidate.moved)}`;
      const button = element("button", { type: "button" },
        element("b", { text: candidate.score.toFixed(2) }),
        element("span", { text: ` row ${candidate.row.toFixed(0)}, col ${candidate.col.toFixed(0)}` }),
        element("small", { text: `${size}; malignancy ${shown(candidate.malignancy)}${why}` }));
      const chosen = state.chosen && state.chosen.id === film.id && state.chosen.number === number;
      const row = element("li", { "aria-current": chosen ? "true" : null }, button);
      button.addEventListener("click", () => told.go(pane, number));
      rows.push(row);
    });
    byId("candidates").replaceChildren(...rows);
    byId("nothing").textContent = rows.length ? "" : mammomap.nothingAbove(state.threshold);
  }

  return { refresh };
};
