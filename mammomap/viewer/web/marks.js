// Candidates and true outlines over a film, as SVG in film coordinates: x = col + 0.5, y = row + 0.5, so that a
// pixel's centre lies in its middle. Lines keep their width and words their size at any zoom.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const CROSS_PX = 7;
const NEAR_PX = 16;

function svg(tag, settings = {}) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(settings)) made.setAttribute(name, value);
  return made;
}

// The marks of a pane: fill(film, state) draws them anew, place(x0, y0, scale) puts them where the film now lies.
mammomap.makeMarks = () => {
  const root = svg("svg", { class: "marks", "aria-hidden": "true" });
  const shapes = svg("g"), labels = svg("g");
  root.append(shapes, labels);
  let shown = [], placed = [0, 0, 1];

  function fill(film, state) {
    shapes.replaceChildren();
    labels.replaceChildren();
    shown = [];
    if (state.showTruth) for (const lesion of film.truth || []) drawLesion(lesion);
    if (!state.showCandidates) return;
    film.candidates.forEach((candidate, number) => {
      if (candidate.layer === state.layer && candidate.score >= state.threshold) {
        drawCandidate(candidate, number, number === state.chosen);
      }
    });
    place(...placed);
  }

  function drawLesion(lesion) {
    const colour = lesion.malignant ? mammomap.about.malignant : mammomap.about.benign;
    for (const line of lesion.lines) {
      const points = line.map(([row, col]) => `${col + 0.5},${row + 0.5}`).join(" ");
      const dash = lesion.approximate ? "6 4" : "none";
      shapes.append(
        svg("polygon", { points, class: "truth", stroke: colour, "stroke-dasharray": dash })
      );
    }
  }

  function drawCandidate(candidate, number, chosen) {
    const group = svg("g", { class: chosen ? "candidate chosen" : "candidate" });
    if (candidate.box) {
      const [row0, col0, row1, col1] = candidate.box;
      shapes.append(
        svg("rect", { x: col0, y: row0, width: col1 - col0, height: row1 - row0, class: group.getAttribute("class") })
      );
    }
    const size = chosen ? CROSS_PX + 3 : CROSS_PX;
    group.append(svg("path", { d: `M${-size} 0H${size}M0 ${-size}V${size}` }));
    const label = svg("text", { x: size + 4, y: -size });
    label.textContent = candidate.score.toFixed(2);
    group.append(label);
    labels.append(group);
    shown.push({ candidate, number, group });
  }

  function place(x0, y0, scale) {
    placed = [x0, y0, scale];
    shapes.setAttribute("transform", `matrix(${scale} 0 0 ${scale} ${x0} ${y0})`);
    for (const { candidate, group } of shown) {
      const x = x0 + (candidate.col + 0.5) * scale, y = y0 + (candidate.row + 0.5) * scale;
      group.setAttribute("transform", `translate(${x} ${y})`);
    }
  }

  // The number of the candidate next to a place on the screen, or null.
  function nearest(x, y) {
    const [x0, y0, scale] = placed;
    let best = null, least = NEAR_PX;
    for (const { candidate, number } of shown) {
      const away = Math.hypot(x0 + (candidate.col + 0.5) * scale - x, y0 + (candidate.row + 0.5) * scale - y);
      if (away < least) [best, least] = [number, away];
    }
    return best;
  }

  return { root, fill, place, nearest };
};
