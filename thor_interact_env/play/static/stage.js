// One view with everything drawn over it.

import { GRID, SIZE, bits } from "./decode.js";
import * as layers from "./layers.js";

const SCALE = 3; // pixels of the canvas for one of the view
const GREEN = [61, 220, 111];

export class Stage {
  constructor(frame) {
    this.frame = frame;
    this.canvas = frame.querySelector("canvas");
    this.canvas.width = this.canvas.height = SIZE * SCALE;
    this.context = this.canvas.getContext("2d");
    this.show = { mask: true, trail: true, reach: false, depth: false, instances: true, scores: false };
    this.best = 8; // proposals that are shown
    this.forget();
  }

  /** Forgets the episode. */
  forget() {
    this.view = null;
    this.frameShown = null;
    this.touches = [];
    this.selected = -1;
    this.pointer = null;
    this.direction = null;
    this.horizon = 0;
    this.proposals = [];
    this.scores = null;
  }

  /** Shows a view at rest. */
  setView(view) {
    this.view = view;
    this.frameShown = null;
    this.cached = {};
    this.proposals = [];
    this.scores = null;
    this.draw();
  }

  /** Shows an image of the motion instead, or with null the view at rest. */
  setFrame(image) {
    this.frameShown = image;
    this.draw();
  }

  setOpinion(answer) {
    this.proposals = answer.proposals;
    this.scores = answer.scores;
    this.draw();
  }

  distance({ row, column }) {
    return this.view ? this.view.distances[row * SIZE + column] : 0;
  }

  /** Draws at the next opportunity, however often it is called before. */
  draw() {
    this.due ??= requestAnimationFrame(() => {
      this.due = undefined;
      this.drawNow();
    });
  }

  drawNow() {
    const context = this.context;
    if (!this.view) {
      return;
    }
    context.setTransform(SCALE, 0, 0, SCALE, 0, 0);
    if (this.frameShown) {
      context.drawImage(this.frameShown, 0, 0, SIZE, SIZE);
    } else {
      this.drawRest(context);
    }
    if (this.show.trail) {
      layers.drawTrail(context, this.touches, this.selected);
    }
    if (this.pointer && !this.frameShown) {
      const distance = this.distance(this.pointer);
      const reached = distance <= layers.REACH;
      if (reached && this.direction) {
        layers.drawDirection(context, this.pointer, distance, this.horizon, this.direction);
      }
      layers.drawPointer(context, this.pointer, reached);
    }
  }

  drawRest(context) {
    const { view, show } = this;
    context.drawImage(show.depth ? this.once("depth", () => layers.depthImage(view.distances)) : view.image, 0, 0, SIZE, SIZE);
    if (show.reach) {
      layers.drawCells(context, this.once("reach", () => layers.reachImage(view.distances)));
    }
    if (show.scores && this.scores) {
      layers.drawCells(context, this.once("scores", () => layers.scoreImage(this.scores)));
    }
    if (show.instances) {
      layers.drawProposals(context, this.proposals.slice(0, this.best));
    }
    const touch = this.touches[this.selected];
    if (show.mask && touch?.mask) {
      touch.layer ??= layers.maskLayer(bits(touch.mask, GRID * GRID), GRID, GREEN, 95);
      layers.drawMask(context, touch.layer, "#3ddc6f");
    }
  }

  /** Returns an image of the present view, made when it is needed for the first time. */
  once(name, make) {
    this.cached[name] ??= make();
    return this.cached[name];
  }

  /** Returns the pixel of the view under a mouse or a finger. */
  pixel(event) {
    const box = this.canvas.getBoundingClientRect();
    const inside = (part, length) => Math.min(Math.max(Math.floor((part / length) * SIZE), 0), SIZE - 1);
    return {
      row: inside(event.clientY - box.top, box.height),
      column: inside(event.clientX - box.left, box.width),
    };
  }
}
