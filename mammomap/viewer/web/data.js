// What the page knows: the set (data/films.js) and single films (data/film-<image_id>.js), fetched as scripts, since a
// page opened from a disk may load scripts and pictures and nothing else.
"use strict";

const mammomap = { about: null, films: [], tiles: null, loaded: new Map(), waiting: new Map(), panes: [] };

const MOST_FILMS_KEPT = 16;

// Called by data/films.js.
mammomap.set = (about) => {
  mammomap.about = about;
  mammomap.films = about.films;
};

// Called by data/film-<image_id>.js.
mammomap.film = (film) => {
  mammomap.loaded.set(film.id, film);
  const waiting = mammomap.waiting.get(film.id);
  if (waiting) waiting();
};

// Called by a page that is one file: {image_id: {"level/col_row": base64 of JPEG}}.
mammomap.inline = (tiles) => {
  mammomap.tiles = tiles;
};

// The data of a film, its two layers unpacked to a byte a pixel.
mammomap.load = async (id) => {
  if (!mammomap.loaded.has(id)) await asScript(id);
  const film = mammomap.loaded.get(id);
  mammomap.loaded.delete(id); // again at the end: the one used last goes last
  mammomap.loaded.set(id, film);
  if (!mammomap.tiles) {
    for (const oldest of mammomap.loaded.keys()) {
      if (mammomap.loaded.size <= MOST_FILMS_KEPT) break;
      mammomap.loaded.delete(oldest);
    }
  }
  for (const layer of ["lesion", "malignancy"]) {
    if (typeof film.map[layer] === "string") film.map[layer] = await unpacked(film.map[layer]);
  }
  return film;
};

mammomap.tileAddress = (id, name) =>
  mammomap.tiles
    ? `data:image/jpeg;base64,${(mammomap.tiles[id] || {})[name] || ""}`
    : `tiles/${encodeURIComponent(id)}/${name}.jpg`;

// A value of a layer at a film pixel (row, col), bilinear; null outside the crop.
mammomap.valueAt = (map, values, row, col) => {
  const [row0, col0, row1, col1] = map.crop;
  if (row + 0.5 < row0 || row + 0.5 > row1 || col + 0.5 < col0 || col + 0.5 > col1) return null;
  const between = (place, size) => Math.min(Math.max(place, 0), size - 1);
  const y = between(((row + 0.5 - row0) * map.rows) / (row1 - row0) - 0.5, map.rows);
  const x = between(((col + 0.5 - col0) * map.cols) / (col1 - col0) - 0.5, map.cols);
  const top = Math.floor(y), left = Math.floor(x);
  const below = Math.min(top + 1, map.rows - 1), right = Math.min(left + 1, map.cols - 1);
  const line = (r) => values[r * map.cols + left] * (1 - (x - left)) + values[r * map.cols + right] * (x - left);
  return (line(top) * (1 - (y - top)) + line(below) * (y - top)) / 255;
};

function asScript(id) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `data/film-${encodeURIComponent(id)}.js`;
    const done = (finish) => () => {
      mammomap.waiting.delete(id);
      script.remove();
      finish();
    };
    mammomap.waiting.set(id, done(resolve));
    script.onerror = done(() => reject(new Error(`data/film-${id}.js is not there`)));
    document.head.append(script);
  });
}

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
