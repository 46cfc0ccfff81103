// One film on the screen: OpenSeadragon's tiles, the map on a canvas of its own above them, the marks above that.
// Film coordinates are x = col + 0.5, y = row + 0.5 for the centre of pixel (row, col); OpenSeadragon's viewport
// counts the film's width as 1. The pixels of tiles cannot be read back by a page from a disk, and never are: window,
// level and inversion are a filter of the browser.
"use strict";

const MOST_ZOOM = 12;
const BAR_MM = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50], BAR_PX = 160;
const LONGEST_MS = 10_000;
const BLACK = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";
let panes = 0;

mammomap.makePane = (host, state, told) => {
  const { element } = mammomap;
  const number = panes++;
  const stage = element("div", { class: "osd" });
  const canvas = element("canvas", { class: "map", "aria-hidden": "true" });
  const marks = mammomap.makeMarks();
  const caption = element("p", { class: "caption" });
  const bar = element("div", { class: "bar-mm", "aria-hidden": "true" });
  const note = element("p", { class: "note", role: "status" });
  const root = element("div", { class: "pane", tabindex: "0", role: "group" }, stage, canvas, marks.root, caption, bar, note);
  host.append(root);
  const filter = greyFilter(number);
  stage.style.filter = `url(#${filter.id})`;

  const viewer = OpenSeadragon({
    element: stage,
    drawer: "canvas",
    showNavigationControl: false,
    crossOriginPolicy: false,
    loadTilesWithAjax: false,
    animationTime: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 0.35,
    blendTime: 0,
    immediateRender: true,
    minZoomImageRatio: 0.5,
    maxZoomPixelRatio: MOST_ZOOM,
    visibilityRatio: 0.2,
    keyboardNavEnabled: false,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: true },
  });
  viewer.canvas.removeAttribute("tabindex");
  let film = null, data = null, painted = null, opening = 0;
  const pane = { root, viewer, get film() { return film; }, get data() { return data; }, chest: "left" };

  // Show a film of the list; resolves when its first tiles are there.
  pane.open = async (listed) => {
    const mine = ++opening;
    root.classList.add("loading");
    const loaded = await mammomap.load(listed.id);
    if (mine !== opening) return false;
    [film, data, painted] = [listed, loaded, null];
    pane.chest = listed.chest;
    const open = new Promise((resolve) => viewer.addOnceHandler("open", resolve));
    viewer.open(tileSource());
    await open;
    if (mine !== opening) return false;
    pane.refresh(); // map and marks need not wait for tiles
    await new Promise((resolve) => {
      setTimeout(resolve, LONGEST_MS); // a tile that is not there leaves its place black
      viewer.world.getItemAt(0).whenFullyLoaded(resolve);
    });
    if (mine !== opening) return false;
    root.classList.remove("loading");
    return true;
  };

  pane.close = () => {
    opening += 1;
    [film, data, painted] = [null, null, null];
    viewer.close();
  };

  function tileSource() {
    const pixels = data.pixels;
    const source = { width: film.cols, height: film.rows, tileSize: Math.max(film.cols, film.rows), tileOverlap: 0 };
    if (!pixels) return { ...source, minLevel: 0, maxLevel: 0, getTileUrl: () => BLACK };
    return {
      width: pixels.cols,
      height: pixels.rows,
      tileSize: pixels.tile,
      tileOverlap: 1,
      minLevel: pixels.lowest,
      maxLevel: pixels.highest,
      getTileUrl: (level, x, y) => mammomap.tileAddress(film.id, `${level}/${x}_${y}`),
      // In a page of one file the finest levels may have been left out.
      tileExists: (level) => level <= (pixels.finest ?? pixels.highest),
    };
  }

  // Where the film now lies: screen x of its left edge, y of its top edge, screen pixels a film pixel.
  pane.place = () => {
    const zero = viewer.viewport.pixelFromPoint(new OpenSeadragon.Point(0, 0), true);
    const one = viewer.viewport.pixelFromPoint(new OpenSeadragon.Point(1, 0), true);
    return [zero.x, zero.y, (one.x - zero.x) / film.cols];
  };

  // The film pixel (row, col) under a place in the pane.
  pane.filmPixel = (x, y) => {
    const [x0, y0, scale] = pane.place();
    return [(y - y0) / scale - 0.5, (x - x0) / scale - 0.5];
  };

  // So many screen pixels a film pixel, a film pixel in the middle if given.
  pane.look = (scale, row, col, at_once = false) => {
    const { viewport } = viewer;
    if (row !== undefined) {
      viewport.panTo(new OpenSeadragon.Point((col + 0.5) / film.cols, (row + 0.5) / film.cols), at_once);
    }
    viewport.zoomTo((scale * film.cols) / viewport.getContainerSize().x, null, at_once);
    viewport.applyConstraints(at_once);
  };

  function draw() {
    if (!film || !viewer.world.getItemCount()) return;
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = root;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    const [x0, y0, scale] = pane.place();
    context.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * x0, ratio * y0);
    if (!data.pixels) {
      context.lineWidth = 1.5 / scale;
      context.strokeStyle = "#39404a";
      context.strokeRect(0, 0, film.cols, film.rows);
    }
    if (painted) {
      const [row0, col0, row1, col1] = data.map.crop;
      context.globalAlpha = state.opacity;
      context.imageSmoothingEnabled = true;
      context.drawImage(painted, col0, row0, col1 - col0, row1 - row0);
      context.globalAlpha = 1;
    }
    marks.place(x0, y0, scale);
    placeBar(scale);
    told.moved(pane);
  }

  // The longest round length that fits, where the film's spacing is known.
  function placeBar(scale) {
    const length = BAR_MM.filter((mm) => (mm / (film.spacing || NaN)) * scale <= BAR_PX).pop();
    bar.hidden = !length;
    if (!length) return;
    bar.textContent = `${length} mm`;
    bar.style.width = `${(length / film.spacing) * scale}px`;
  }

  // Take over what the controls say.
  pane.refresh = () => {
    if (!film) return;
    painted = state.showMap ? mammomap.paintedMap(data.map, state.layer, state.threshold) : null;
    marks.fill(data, { ...state, chosen: state.chosen && state.chosen.id === film.id ? state.chosen.number : null });
    filter.set(data.pixels ? data.pixels.window : [0, 1], state);
    const codes = [film.woman && `woman ${film.woman}`, film.exam && `exam ${film.exam}`].filter(Boolean);
    caption.replaceChildren(
      element("b", { text: mammomap.hung(film) || film.id }),
      ` ${mammomap.hung(film) ? film.id : ""}`,
      element("small", { text: codes.join(", ") })
    );
    root.setAttribute("aria-label", `film ${film.id} ${mammomap.hung(film)}`);
    const above = mammomap.countAbove(film, state.layer, state.threshold);
    note.textContent = [
      above ? "" : mammomap.nothingAbove(state.threshold),
      data.without,
      data.pixels && data.pixels.finest < data.pixels.highest
        ? `shown at 1/${2 ** (data.pixels.highest - data.pixels.finest)} of its size`
        : "",
      data.pixels && data.pixels.cols < film.cols ? `a copy of ${data.pixels.rows} x ${data.pixels.cols} pixels` : "",
      film.outside ? `not what the model was trained for: ${film.outside}` : "",
      film.seen ? "the net has seen this woman" : "",
    ].filter(Boolean).join("; ");
    draw();
  };

  pane.redraw = draw;
  viewer.addHandler("update-viewport", draw);
  viewer.addHandler("canvas-click", (event) => {
    if (!event.quick || !film) return;
    const nearest = marks.nearest(event.position.x, event.position.y);
    if (nearest !== null) told.choose(pane, nearest);
  });
  viewer.addHandler("canvas-drag", (event) => {
    if (!event.originalEvent.shiftKey) return;
    event.preventDefaultAction = true;
    told.greyDragged(event.delta.x, event.delta.y);
  });
  for (const name of ["pointerdown", "pointerenter", "wheel", "focusin"]) {
    root.addEventListener(name, () => told.leads(pane), { capture: true, passive: true });
  }
  root.addEventListener("pointermove", (event) => {
    if (!film || !viewer.world.getItemCount()) return;
    const box = root.getBoundingClientRect();
    told.pointed(pane, ...pane.filmPixel(event.clientX - box.left, event.clientY - box.top));
  });
  return pane;
};

// An SVG filter that shows grey from `low` to `high` (of 0 to 1) over the whole range, in one step.
function greyFilter(number) {
  const id = `grey-${number}`;
  const made = svg("filter", { id, "color-interpolation-filters": "sRGB", x: 0, y: 0, width: 1, height: 1 });
  const transfer = svg("feComponentTransfer");
  const channels = ["R", "G", "B"].map((name) => svg(`feFunc${name}`, { type: "linear", slope: 1, intercept: 0 }));
  transfer.append(...channels);
  made.append(transfer);
  mammomap.byId("filters").append(made);
  function set([low, high], state) {
    const width = Math.max(0.004, (high - low) * state.window);
    const start = (low + high) / 2 + state.level * (high - low) - width / 2;
    const slope = (state.invert ? -1 : 1) / width;
    const intercept = state.invert ? 1 + start / width : -start / width;
    for (const channel of channels) {
      channel.setAttribute("slope", slope);
      channel.setAttribute("intercept", intercept);
    }
  }
  return { id, set };
}
