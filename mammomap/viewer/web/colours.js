// The map in colours: viridis from a threshold up, nothing below.
"use strict";

let colourTable = null;

// 256 x (red, green, blue), from the same table as every other picture of the project.
mammomap.colourTable = () => {
  colourTable ??= mammomap.about.colours.map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  return colourTable;
};

// A canvas with one pixel for each value of a layer.
mammomap.paintedMap = (map, layer, threshold) => {
  const canvas = document.createElement("canvas");
  canvas.width = map.cols;
  canvas.height = map.rows;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(map.cols, map.rows);
  const pixels = picture.data, values = map[layer], table = mammomap.colourTable();
  const least = Math.max(1, Math.ceil(threshold * 255 - 1e-9));
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at];
    if (value < least) continue;
    const [red, green, blue] = table[value];
    pixels[4 * at] = red;
    pixels[4 * at + 1] = green;
    pixels[4 * at + 2] = blue;
    pixels[4 * at + 3] = 255;
  }
  context.putImageData(picture, 0, 0);
  return canvas;
};

// The one legend, 0 to 1, with a line at the threshold.
mammomap.paintLegend = (canvas, threshold) => {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  mammomap.colourTable().forEach(([red, green, blue], value) => {
    context.fillStyle = `rgb(${red},${green},${blue})`;
    context.globalAlpha = value / 255 < threshold ? 0.25 : 1;
    context.fillRect((value * width) / 256, 0, width / 256 + 1, height);
  });
  context.globalAlpha = 1;
  context.fillStyle = "#fff";
  context.fillRect(threshold * width - 1, 0, 2, height);
};
