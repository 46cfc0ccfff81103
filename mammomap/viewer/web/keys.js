// Every key and what it does; the help panel shows this table and nothing else.
"use strict";

mammomap.makeKeys = (act) => {
  const table = [
    [["n"], "next film of the list", () => act.step(1)],
    [["p"], "film before it", () => act.step(-1)],
    [["b"], "other breast beside this film, in step", act.breast],
    [["v"], "other view beside this film, in step", act.view],
    [["x"], "one film alone", act.alone],
    [["f"], "full screen, and back", act.full],
    [["0"], "whole film", act.whole],
    [["1"], "native pixels", act.native],
    [["+", "="], "closer", () => act.zoom(1.5)],
    [["-"], "farther", () => act.zoom(1 / 1.5)],
    [["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], "pan", (key) => act.pan(key)],
    [["m"], "map on or off", () => act.flip("showMap")],
    [["l"], "lesion or malignancy map", act.layer],
    [["]"], "map more opaque", () => act.nudge("opacity", 0.1, 0, 1)],
    [["["], "map more transparent", () => act.nudge("opacity", -0.1, 0, 1)],
    [["."], "higher threshold", () => act.nudge("threshold", 0.05, 0, 1)],
    [[","], "lower threshold", () => act.nudge("threshold", -0.05, 0, 1)],
    [["c"], "candidates on or off", () => act.flip("showCandidates")],
    [["k"], "next candidate", act.candidate],
    [["t"], "truth on or off", () => act.flip("showTruth")],
    [["w"], "narrower window (more contrast)", () => act.window(1 / 1.15)],
    [["W"], "wider window", () => act.window(1.15)],
    [["e"], "lower level (brighter)", () => act.nudge("level", -0.05, -1, 1)],
    [["E"], "higher level (darker)", () => act.nudge("level", 0.05, -1, 1)],
    [["i"], "invert", () => act.flip("invert")],
    [["r"], "window, level and map as at first", act.reset],
    [["/"], "filter the list", act.filter],
    [["?", "h"], "this help", act.help],
    [["Escape"], "back to the list", act.back],
  ];
  const named = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };
  const { element } = mammomap;
  mammomap.byId("keys").append(
    ...table.map(([keys, what]) =>
      element("tr", {},
        element("th", { scope: "row" }, ...keys.map((key) => element("kbd", { text: named[key] || key }))),
        element("td", { text: what }))
    )
  );
  const byKey = new Map(table.flatMap(([keys, , action]) => keys.map((key) => [key, action])));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target, key } = event;
    if (target.matches("input[type=search]")) {
      if (key === "Escape") target.blur();
      return;
    }
    if (target.matches("input[type=range], select") && (key.startsWith("Arrow") || key === "Home" || key === "End")) return;
    if (target.closest("#films") && key.startsWith("Arrow")) return; // scrolls the list
    if (mammomap.byId("help").open && key !== "?" && key !== "h") return;
    const action = byKey.get(key);
    if (!action) return;
    event.preventDefault();
    action(key);
  });
};
