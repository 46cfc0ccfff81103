// The list of films: sorted by any column, filtered by text; films that were set aside stand in it with their reason.
"use strict";

const IN_WORDS = new Intl.Collator("en", { numeric: true }); // film 9 before film 10

mammomap.makeList = (state, open) => {
  const { element, byId, shown } = mammomap;
  const table = byId("film-table"), count = byId("film-count"), filter = byId("filter");
  const candidates = (film) => mammomap.countAbove(film, state.layer, state.threshold);
  const columns = [
    { head: "film", of: (film) => film.id },
    { head: "side", of: (film) => film.side },
    { head: "view", of: (film) => film.view },
    ...mammomap.about.columns.map(({ key, head }) => ({ head, of: (film) => film.values[key], digits: 3 })),
    { head: "candidates", of: (film) => (film.status === "done" ? candidates(film) : null), digits: 0, live: true },
    { head: "flags", of: (film) => film.flags },
    { head: "woman", of: (film) => film.woman },
    { head: "exam", of: (film) => film.exam },
  ].filter(({ of }) => mammomap.films.some((film) => of(film) !== "" && of(film) !== null));
  const rows = new Map(mammomap.films.map((film) => [film.id, makeRow(film)]));
  const body = element("tbody");
  const heads = columns.map((column, at) => {
    const button = element("button", { type: "button", text: column.head });
    button.addEventListener("click", () => sort(at));
    return element("th", { scope: "col", class: column.digits === undefined ? "" : "figure" }, button);
  });
  table.append(element("thead", {}, element("tr", {}, element("th", { scope: "col", class: "thumb" }), ...heads)), body);
  let order = [...mammomap.films], sorted = null, current = null;

  function makeRow(film) {
    const done = film.status === "done";
    const thumb = element("td", { class: "thumb" });
    if (film.pixels) {
      const src = mammomap.tileAddress(film.id, "thumb");
      thumb.append(element("img", { src, alt: "", loading: "lazy", decoding: "async" }));
    }
    const row = element("tr", { class: done ? "" : "aside" }, thumb);
    columns.forEach((column, at) => {
      const cell = element("td", { class: column.digits === undefined ? "" : "figure" });
      if (at === 0) {
        cell.append(done ? element("button", { type: "button", text: film.id }) : element("span", { text: film.id }));
        if (!done) cell.append(element("small", { text: `${film.status}: ${film.reason}` }));
        if (film.outside) cell.append(element("small", { text: `not as trained for: ${film.outside}` }));
        if (film.seen) cell.append(element("small", { text: "the net has seen this woman" }));
        if (done && !film.pixels) cell.append(element("small", { text: "without its pixels" }));
      }
      row.append(cell);
    });
    if (done) row.addEventListener("click", () => open(film));
    return row;
  }

  // All cells but the first, or those that depend on layer and threshold.
  function fill(film, only_live) {
    const cells = rows.get(film.id).children;
    columns.forEach(({ of, digits, live }, at) => {
      if (at && (live || !only_live)) cells[at + 1].textContent = digits === undefined ? of(film) : shown(of(film), digits);
    });
  }

  // Empty values come last in either direction.
  function sort(at, direction) {
    const { of } = columns[at];
    const numbers = columns[at].digits !== undefined;
    direction ??= sorted && sorted.at === at ? -sorted.direction : numbers ? -1 : 1;
    sorted = { at, direction };
    const empty = (value) => value === null || value === undefined || value === "";
    order = [...mammomap.films].sort((a, b) => {
      const [x, y] = [of(a), of(b)];
      if (empty(x) || empty(y)) return empty(x) - empty(y);
      return direction * (numbers ? x - y : IN_WORDS.compare(x, y));
    });
    body.append(...order.map((film) => rows.get(film.id)));
    heads.forEach((head, which) => {
      if (which === at) head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
  }

  function sift() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const film of mammomap.films) {
      const told = [film.id, film.woman, film.exam, film.side, film.view, film.flags, film.outside, film.status, film.reason].join(" ").toLowerCase();
      const fits = words.every((word) => told.includes(word));
      rows.get(film.id).hidden = !fits;
      left += fits;
    }
    const all = mammomap.films.length;
    const aside = mammomap.films.filter((film) => film.status !== "done").length;
    count.textContent = `${left === all ? all : `${left} of ${all}`} films${aside ? `, ${aside} set aside` : ""}`;
  }

  // The film after or before the current one in the list as it stands; null at its end.
  function beside(step) {
    const open_ones = order.filter((film) => film.status === "done" && !rows.get(film.id).hidden);
    const at = open_ones.findIndex((film) => film.id === current);
    return at < 0 ? open_ones[0] || null : open_ones[at + step] || null;
  }

  function mark(ids) {
    current = ids[0] || null;
    for (const [id, row] of rows) {
      if (ids.includes(id)) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
    if (current) rows.get(current).scrollIntoView({ block: "nearest" });
  }

  const refresh = () => mammomap.films.forEach((film) => fill(film, true));
  filter.addEventListener("input", sift);
  mammomap.films.forEach((film) => fill(film, false));
  const best = columns.findIndex(({ digits }) => digits !== undefined);
  sort(best < 0 ? 0 : best);
  sift();
  return { refresh, beside, mark };
};
