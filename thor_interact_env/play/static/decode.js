// From the base64 text of an answer to images and arrays.

export const SIZE = 300; // pixels of a view, along each side
export const GRID = 100; // cells of a mask

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** Returns the bits of a mask as 0 or 1. */
export function bits(text, count) {
  const packed = bytes(text);
  return Uint8Array.from({ length: count }, (_, index) => (packed[index >> 3] >> (7 - (index & 7))) & 1);
}

/** Returns a byte for each cell. */
export function levels(text) {
  return bytes(text);
}

/** Returns the distances of a view in millimetres. */
export function distances(text) {
  const data = new DataView(bytes(text).buffer);
  return Uint16Array.from({ length: data.byteLength / 2 }, (_, index) => data.getUint16(2 * index, true));
}

/** Returns an image that can be drawn. */
export async function image(text, type) {
  const element = new Image();
  element.src = `data:image/${type};base64,${text}`;
  await element.decode();
  return element;
}

export async function view(answer) {
  return { image: await image(answer.rgb, "png"), distances: distances(answer.depth) };
}
