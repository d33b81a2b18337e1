"use strict";
// Two images that are enlarged and moved together, and shown in turn at one place to see what changes.
const Viewer = (() => {
  const LARGEST = 16;
  const STEP = 1.25;
  const MOVE = 0.1; // of the frame, per key
  const HELD = 400; // milliseconds: a key pressed longer is held, and ends on release

  const within = (value, most) => Math.min(most, Math.max(-most, value));

  class Viewer {
    #root;
    #zoom = 1;
    #x = 0; // of the frame's width, to the right
    #y = 0;
    #pointers = new Map();
    #beat = 0;
    #pressed = 0;

    constructor(root) {
      this.#root = root;
      this.frames = [...root.querySelectorAll(".frame")];
      for (const frame of this.frames) this.#listen(frame);
      const { width, height } = root.querySelector("img").attributes;
      root.style.setProperty("--aspect", width.value / height.value);
      root.addEventListener("keydown", (event) => this.#key(event));
      this.#control("nearer", () => this.enlarge(STEP ** 2));
      this.#control("farther", () => this.enlarge(STEP ** -2));
      this.#control("whole", () => this.reset());
      this.#control("flicker", () => this.flicker(!this.flickering));
      this.#rate?.addEventListener("change", () => this.flickering && this.flicker(true));
      for (const hidden of root.querySelectorAll(".tools[hidden]")) hidden.hidden = false;
      this.#show();
    }

    get #rate() {
      return this.#root.querySelector(".rate");
    }

    get flickering() {
      return this.#root.classList.contains("flickering");
    }

    get zoom() {
      return this.#zoom;
    }

    #control(name, act) {
      this.#root.querySelector(`.${name}`)?.addEventListener("click", act);
    }

    #listen(frame) {
      frame.addEventListener("wheel", (event) => this.#wheel(event, frame), { passive: false });
      frame.addEventListener("dblclick", (event) => this.#double(event, frame));
      frame.addEventListener("pointerdown", (event) => this.#down(event, frame));
      frame.addEventListener("pointermove", (event) => this.#drag(event, frame));
      for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
        frame.addEventListener(end, (event) => this.#pointers.delete(event.pointerId));
      frame.addEventListener("dragstart", (event) => event.preventDefault());
    }

    /** A point of the page as a part of the frame, from its middle. */
    #place(point, frame) {
      const box = frame.getBoundingClientRect();
      return { x: (point.clientX - box.left) / box.width - 0.5, y: (point.clientY - box.top) / box.height - 0.5 };
    }

    #wheel(event, frame) {
      if (event.deltaY > 0 && this.#zoom === 1) return; // nothing to make smaller: the page scrolls
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1);
      this.enlarge(1.002 ** -within(pixels, 300), this.#place(event, frame));
    }

    #double(event, frame) {
      if (this.#zoom > 1) this.reset();
      else this.enlarge(3, this.#place(event, frame));
    }

    #down(event, frame) {
      if (event.button !== 0) return;
      this.#pointers.set(event.pointerId, event);
      if (this.#zoom > 1 || this.#pointers.size > 1) frame.setPointerCapture(event.pointerId);
    }

    /** One pointer moves the images; two also enlarge them. */
    #drag(event, frame) {
      const before = this.#pointers.get(event.pointerId);
      if (!before) return;
      const other = [...this.#pointers.values()].find((each) => each.pointerId !== event.pointerId);
      const from = this.#place(before, frame);
      const to = this.#place(event, frame);
      this.#pointers.set(event.pointerId, event);
      if (other) {
        const fixed = this.#place(other, frame);
        const apart = (point) => Math.hypot(point.x - fixed.x, point.y - fixed.y);
        const middle = { x: (to.x + fixed.x) / 2, y: (to.y + fixed.y) / 2 };
        if (apart(from) > 0) this.enlarge(apart(to) / apart(from), middle);
      }
      const share = other ? 0.5 : 1;
      this.move(share * (to.x - from.x), share * (to.y - from.y));
    }

    #key(event) {
      if (event.target !== this.#root || event.ctrlKey || event.metaKey || event.altKey) return;
      if (this.press(event.key)) event.preventDefault();
    }

    /** The keys that `press` knows, each with what it does: for `shortcuts`. */
    get keys() {
      const known = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "+", "=", "-", "z", "0"];
      return Object.fromEntries(known.map((key) => [key, () => this.press(key)]));
    }

    /** Do what a key means for the images; whether it means anything. */
    press(key) {
      const moves = { ArrowLeft: [MOVE, 0], ArrowRight: [-MOVE, 0], ArrowUp: [0, MOVE], ArrowDown: [0, -MOVE] };
      if (key in moves) {
        if (this.#zoom === 1) return false;
        this.move(...moves[key]);
      } else if (key === "+" || key === "=") this.enlarge(STEP);
      else if (key === "-") this.enlarge(1 / STEP);
      else if (key === "z") this.enlarge(STEP ** 3);
      else if (key === "0") this.reset();
      else return false;
      return true;
    }

    /** Enlarge by a factor, about a place of the frame that stays where it is. */
    enlarge(factor, { x, y } = { x: 0, y: 0 }) {
      const zoom = Math.min(LARGEST, Math.max(1, this.#zoom * factor));
      const real = zoom / this.#zoom;
      this.#x = x - (x - this.#x) * real;
      this.#y = y - (y - this.#y) * real;
      this.#zoom = zoom < 1.01 ? 1 : zoom;
      this.#show();
    }

    move(x, y) {
      this.#x += x;
      this.#y += y;
      this.#show();
    }

    reset() {
      this.#zoom = 1;
      this.flicker(false);
      this.#show();
    }

    #show() {
      const room = (this.#zoom - 1) / 2;
      this.#x = within(this.#x, room);
      this.#y = within(this.#y, room);
      this.#root.style.setProperty("--zoom", this.#zoom);
      this.#root.style.setProperty("--x", this.#x);
      this.#root.style.setProperty("--y", this.#y);
      this.#root.classList.toggle("zoomed", this.#zoom > 1);
      const level = this.#root.querySelector(".level");
      if (level) level.textContent = `${Math.round(this.#zoom * 100)} %`;
    }

    /** Show the images in turn at one place, or side by side. */
    flicker(on) {
      clearInterval(this.#beat);
      this.#root.classList.toggle("flickering", on);
      this.#root.classList.remove("second");
      this.#root.querySelector(".flicker")?.setAttribute("aria-pressed", on);
      // The rates offered are at most 3 changes a second, half of what WCAG 2.3.1 allows as flashes.
      const rate = Number(this.#rate?.value ?? 1);
      if (on) this.#beat = setInterval(() => this.#root.classList.toggle("second"), 1000 / rate);
    }

    /** The key of the flicker view goes down: it begins or ends. */
    pressFlicker() {
      this.#pressed = this.flickering ? 0 : performance.now();
      this.flicker(!this.flickering);
    }

    /** And up: after it was held, the view ends. */
    releaseFlicker() {
      if (this.#pressed && performance.now() - this.#pressed > HELD) this.flicker(false);
      this.#pressed = 0;
    }
  }

  return Viewer;
})();
