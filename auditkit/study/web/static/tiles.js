"use strict";
// Volumes: each picture is a sheet of tiles, a row per modality and a column per slice; one slice is shown of all.
const Tiles = (() => {
  const NOTCH = 40; // pixels of the wheel for one slice

  class Tiles {
    #root;
    #sheets;
    #slider;
    #turned = 0;

    /** @param root the part of the page with the sheets; they are replaced by frames, a column per modality. */
    constructor(root) {
      this.#root = root;
      this.#slider = root.querySelector("#slice");
      const names = root.dataset.names.split(" ");
      this.#sheets = [...root.querySelectorAll(".sheet")].map((sheet) => this.#replace(sheet, names));
      // A case by itself has room for two rows of modalities; below one another, modalities are columns.
      const across = this.#sheets.length > 1 ? names.length : Math.ceil(Math.sqrt(names.length));
      root.style.setProperty("--across", across);
      root.classList.add("tiled");
      if (this.#slider) this.#listen();
      this.show();
    }

    #listen() {
      this.#slider.addEventListener("input", () => this.show());
      // Before the frames: on them the wheel would enlarge.
      this.#root.addEventListener("wheel", (event) => this.#wheel(event), { passive: false, capture: true });
    }

    /** A canvas for each modality of one picture. */
    #replace(sheet, names) {
      const image = sheet.querySelector("img");
      const [rows, columns] = [Number(this.#root.dataset.rows), this.slices];
      // What the page says of the picture: its own size is not known yet, and that on the screen is another.
      const [width, height] = ["width", "height"].map((name) => Number(image.getAttribute(name)));
      const size = { width: width / columns, height: height / rows };
      const title = sheet.closest("figure").dataset.name;
      const canvases = names.map((name) => this.#frame(sheet, size, name, title));
      sheet.hidden = true;
      image.decode().then(
        () => this.show(),
        () => (sheet.hidden = false),
      );
      return { image, size, canvases };
    }

    #frame(sheet, size, name, title) {
      const canvas = Object.assign(document.createElement("canvas"), size);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${title}, ${name}`);
      // Enlarged voxels are shown as they are where there are few.
      canvas.classList.toggle("coarse", Math.max(size.width, size.height) < 100);
      const frame = Object.assign(document.createElement("div"), { className: "frame" });
      frame.dataset.modality = name;
      const lens = Object.assign(document.createElement("div"), { className: "lens" });
      lens.append(canvas);
      frame.append(lens);
      sheet.before(frame);
      return canvas;
    }

    get slices() {
      return Number(this.#root.dataset.columns);
    }

    get slice() {
      return this.#slider ? Number(this.#slider.value) : 1;
    }

    /** To a slice, from 1; whether there are slices. */
    go(slice) {
      if (!this.#slider) return false;
      this.#slider.value = slice; // which keeps it within its bounds
      this.show();
      return true;
    }

    /** So many slices further. */
    step(by) {
      return this.go(this.slice + by);
    }

    #wheel(event) {
      if (event.ctrlKey || !event.target.closest(".frame")) return;
      event.preventDefault();
      event.stopPropagation();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE;
      this.#turned += event.deltaY * (lines ? NOTCH : 1);
      const by = Math.trunc(this.#turned / NOTCH);
      this.#turned -= by * NOTCH;
      if (by) this.step(by);
    }

    /** Draw the slice of every modality in every picture. */
    show() {
      const column = this.slice - 1;
      if (this.#slider) {
        const text = `${this.slice} of ${this.slices}`;
        this.#root.querySelector("#slice-number").textContent = text;
        this.#slider.setAttribute("aria-valuetext", text);
      }
      for (const { image, size, canvases } of this.#sheets ?? [])
        canvases.forEach((canvas, row) => {
          const { width, height } = size;
          if (image.complete && image.naturalWidth)
            canvas
              .getContext("2d")
              .drawImage(image, column * width, row * height, width, height, 0, 0, width, height);
        });
    }
  }

  return Tiles;
})();
