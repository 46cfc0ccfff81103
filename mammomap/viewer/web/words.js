// Words and small elements.
"use strict";

// An element with a class, text and attributes; text is never read as HTML.
mammomap.element = (tag, settings = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(settings)) {
    if (name === "text") made.textContent = value;
    else if (name === "class") made.className = value;
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
};

mammomap.byId = (id) => document.getElementById(id);

mammomap.shown = (value, digits = 2) => (value === null || value === undefined ? "" : value.toFixed(digits));

mammomap.signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);

const SIDES = { LEFT: "L", RIGHT: "R" };

// "R CC", or what is known of it.
mammomap.hung = (film) => [SIDES[film.side] || film.side, film.view].filter(Boolean).join(" ");

mammomap.countAbove = (film, layer, threshold) => film.tops[layer].filter((score) => score >= threshold).length;

// What a film without a candidate reads.
mammomap.nothingAbove = (threshold) => {
  const [before, after] = mammomap.about.nothing;
  return `${before} ${Number(threshold.toPrecision(2))}${after}`;
};

// The other breast in the same view, or the other view of the same breast; null where there is none.
mammomap.partner = (film, which) => {
  const together = (other) =>
    other !== film &&
    other.status === "done" &&
    ((film.woman && other.woman === film.woman) || (film.exam && other.exam === film.exam));
  const fits =
    which === "breast"
      ? (other) => other.side && film.side && other.side !== film.side && other.view === film.view
      : (other) => other.side === film.side && other.view && film.view && other.view !== film.view;
  const found = mammomap.films.filter((other) => together(other) && fits(other));
  return found.find((other) => other.exam === film.exam) || found[0] || null;
};
