// The motion of a touch, played or stepped through.

import { setDisabled } from "./controls.js";
import { image } from "./decode.js";

const MILLISECONDS = 50; // between two frames, as in the simulator
const FIRST = 10; // milliseconds from the force to the first frame
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Motion {
  /** Makes the controls in an element; `show(image)` shows a frame, `show(null)` the view at rest. */
  constructor(element, show) {
    this.show = show;
    this.frames = [];
    this.index = 0;
    this.run = 0; // the playback that is under way; another number stops it
    const button = (text, label, action) => {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = text;
      made.ariaLabel = label;
      made.addEventListener("click", action);
      return made;
    };
    this.playButton = button("▶", "Play the motion", () => this.toggle());
    this.back = button("◀|", "Previous frame", () => this.step(-1));
    this.forth = button("|▶", "Next frame", () => this.step(1));
    this.slider = document.createElement("input");
    this.slider.type = "range";
    this.slider.min = this.slider.step = 1;
    this.slider.ariaLabel = "Frame of the motion";
    this.slider.addEventListener("input", () => {
      this.stop();
      this.go(Number(this.slider.value) - 1);
    });
    this.words = document.createElement("output");
    element.append(this.playButton, this.back, this.slider, this.forth, this.words);
    this.clear();
  }

  clear() {
    this.load([]);
  }

  /** Takes over frames, as images. */
  load(frames) {
    this.stop();
    if (this.index < this.frames.length) {
      this.show(null); // a frame of the motion of before
    }
    this.frames = frames;
    this.index = frames.length;
    this.update();
  }

  /** Plays from the beginning; a person who prefers no motion sees the end at once. */
  async playOnce() {
    if (!this.frames.length || still.matches) {
      this.go(this.frames.length);
      return;
    }
    await this.play();
  }

  async play() {
    this.stop(); // it may be playing
    const run = ++this.run;
    this.update();
    const start = performance.now();
    for (let index = 0; index < this.frames.length; ) {
      this.go(index);
      await new Promise(requestAnimationFrame);
      if (run !== this.run) {
        return;
      }
      index = Math.max(Math.floor((performance.now() - start) / MILLISECONDS), index);
    }
    this.run++;
    this.go(this.frames.length);
  }

  toggle() {
    if (this.run % 2) {
      this.stop();
      this.update();
    } else {
      this.play();
    }
  }

  stop() {
    this.run += this.run % 2; // odd while it plays
  }

  step(by) {
    this.stop();
    this.go(this.index + by);
  }

  /** Shows one frame; the last one is the view at rest. */
  go(index) {
    this.index = Math.min(Math.max(index, 0), this.frames.length);
    this.show(this.frames[this.index] ?? null);
    this.update();
  }

  update() {
    const count = this.frames.length;
    const playing = this.run % 2 === 1;
    for (const control of [this.playButton, this.slider]) {
      control.disabled = !count;
    }
    setDisabled(this.back, !count || this.index === 0);
    setDisabled(this.forth, !count || this.index === count);
    this.playButton.textContent = playing ? "❚❚" : "▶";
    this.playButton.ariaLabel = playing ? "Pause the motion" : "Play the motion";
    this.slider.max = Math.max(count + 1, 2);
    this.slider.value = this.index + 1;
    const time = ((FIRST + this.index * MILLISECONDS) / 1000).toFixed(2);
    const words = this.index === count ? "at rest" : `${time} s after the force`;
    this.words.textContent = count ? `Frame ${this.index + 1} of ${count + 1}: ${words}` : "No motion to show.";
    this.slider.setAttribute("aria-valuetext", this.words.textContent);
  }
}

export function images(frames) {
  return Promise.all(frames.map((each) => image(each, "jpeg")));
}
