// What is drawn over a view. Coordinates are pixels of the view, whatever the size of the canvas.

import { GRID, SIZE, bits } from "./decode.js";

const FOCAL_LENGTH = SIZE / 2; // field of view 90 degrees
const MIDDLE = (SIZE - 1) / 2;

export const REACH = 1500; // millimetres
export const FORCES = ["5 N", "30 N", "200 N"];
const FORCE_COLOURS = ["#ffd23f", "#ff8a3d", "#ff4fa3"];

/** Returns an image of the colours that `paint(index)` gives as [red, green, blue, alpha]. */
export function painted(side, paint) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const data = context.createImageData(side, side);
  for (let index = 0; index < side * side; index++) {
    data.data.set(paint(index), 4 * index);
  }
  context.putImageData(data, 0, 0);
  return canvas;
}

export function depthImage(distances) {
  return painted(SIZE, (index) => {
    const near = 1 - Math.min(distances[index], 5000) / 5000;
    const reached = distances[index] <= REACH;
    const level = 30 + 225 * near;
    return reached ? [level, level * 0.85, 60, 255] : [level * 0.55, level * 0.75, level, 255];
  });
}

export function reachImage(distances) {
  return painted(SIZE, (index) => [10, 12, 16, distances[index] > REACH ? 165 : 0]);
}

export function scoreImage(levels) {
  return painted(GRID, (index) => {
    const score = levels[index] / 255;
    return [255, 255 * (1 - 0.75 * score), 40, 200 * Math.pow(score, 0.8)];
  });
}

export function drawCells(context, image) {
  context.imageSmoothingEnabled = false;
  context.drawImage(image, 0, 0, SIZE, SIZE);
  context.imageSmoothingEnabled = true;
}

/** Returns the border of a mask as a path. */
function border(mask, side) {
  const step = SIZE / side;
  const path = new Path2D();
  const at = (row, column) => row >= 0 && column >= 0 && row < side && column < side && mask[row * side + column];
  for (let row = 0; row <= side; row++) {
    for (let column = 0; column <= side; column++) {
      if (!at(row, column) !== !at(row - 1, column)) {
        path.moveTo(column * step, row * step);
        path.lineTo((column + 1) * step, row * step);
      }
      if (!at(row, column) !== !at(row, column - 1)) {
        path.moveTo(column * step, row * step);
        path.lineTo(column * step, (row + 1) * step);
      }
    }
  }
  return path;
}

/** Returns a mask as an image and its border, made once and drawn often. */
export function maskLayer(mask, side, [red, green, blue], alpha) {
  return { image: painted(side, (index) => [red, green, blue, mask[index] ? alpha : 0]), border: border(mask, side) };
}

export function drawMask(context, layer, colour) {
  drawCells(context, layer.image);
  context.lineJoin = "round";
  for (const [style, width] of [["rgb(0 0 0 / 70%)", 2.4], [colour, 1.2]]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.stroke(layer.border);
  }
}

/** Draws what an agent proposes: the outline in the colour of its force, the point, and the force in words. */
export function drawProposals(context, proposals) {
  for (const each of proposals) {
    if (each.mask) {
      each.layer ??= proposalLayer(bits(each.mask, SIZE * SIZE), each.force);
      drawMask(context, each.layer, FORCE_COLOURS[each.force]);
    }
  }
  for (const [index, each] of proposals.entries()) {
    dot(context, each, 3, FORCE_COLOURS[each.force]);
    label(context, each, proposals.length > 10 ? String(index + 1) : `${index + 1}: ${FORCES[each.force]}`, FORCE_COLOURS[each.force]);
  }
}

function proposalLayer(mask, force) {
  const hex = FORCE_COLOURS[force];
  const parts = [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  return maskLayer(mask, SIZE, parts, 50);
}

export function drawTrail(context, touches, selected) {
  for (const [index, each] of touches.entries()) {
    dot(context, each, index === selected ? 5 : 3.5, each.kind === "success" ? "#3ddc6f" : "#ffffff");
  }
  for (const [index, each] of touches.entries()) {
    label(context, each, String(index + 1), each.kind === "success" ? "#3ddc6f" : "#ffffff");
  }
}

export function drawPointer(context, { row, column }, reached) {
  const x = column + 0.5, y = row + 0.5;
  const path = new Path2D();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    path.moveTo(x + 3 * dx, y + 3 * dy);
    path.lineTo(x + 9 * dx, y + 9 * dy);
  }
  stroked(context, path, reached ? "#ffffff" : "#ff9d76", 1.2);
}

/** Draws the direction of a touch in perspective: 15 cm from the touched point. */
export function drawDirection(context, { row, column }, distance, horizon, [right, up, forward]) {
  const ray = [(column - MIDDLE) / FOCAL_LENGTH, (MIDDLE - row) / FOCAL_LENGTH, 1];
  const scale = distance / 1000 / Math.hypot(...ray);
  const [x, y, z] = ray.map((part) => part * scale);
  const angle = (horizon * Math.PI) / 180;
  const length = 0.15 / Math.hypot(right, up, forward);
  const tip = [
    x + length * right,
    y + length * (Math.sin(angle) * forward + Math.cos(angle) * up),
    z + length * (Math.cos(angle) * forward - Math.sin(angle) * up),
  ];
  if (tip[2] < 0.05) {
    return;
  }
  const from = [column + 0.5, row + 0.5];
  const to = [MIDDLE + 0.5 + (FOCAL_LENGTH * tip[0]) / tip[2], MIDDLE + 0.5 - (FOCAL_LENGTH * tip[1]) / tip[2]];
  const heading = Math.atan2(to[1] - from[1], to[0] - from[0]);
  const path = new Path2D();
  path.moveTo(...from);
  path.lineTo(...to);
  for (const turn of [2.6, -2.6]) {
    path.moveTo(...to);
    path.lineTo(to[0] + 6 * Math.cos(heading + turn), to[1] + 6 * Math.sin(heading + turn));
  }
  stroked(context, path, "#7fd4ff", 1.6);
}

function stroked(context, path, colour, width) {
  context.lineCap = "round";
  for (const [style, wide] of [["rgb(0 0 0 / 75%)", width + 1.6], [colour, width]]) {
    context.strokeStyle = style;
    context.lineWidth = wide;
    context.stroke(path);
  }
}

function dot(context, { row, column }, radius, colour) {
  context.beginPath();
  context.arc(column + 0.5, row + 0.5, radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.strokeStyle = "#000";
  context.lineWidth = 1.2;
  context.fill();
  context.stroke();
}

function label(context, { row, column }, text, colour) {
  context.font = "bold 9px system-ui, sans-serif";
  const width = context.measureText(text).width;
  const x = column + 6 + width < SIZE - 2 ? column + 6 : column - 6 - width;
  const y = Math.min(Math.max(row - 4, 10), SIZE - 3);
  context.lineWidth = 3;
  context.strokeStyle = "#000";
  context.strokeText(text, x, y);
  context.fillStyle = colour;
  context.fillText(text, x, y);
}
