"use strict";
// Cases with their counterfactuals: a slider shows large what the strip of the page holds, and the strip is
// folded. It loads nothing and evaluates nothing; text from data only ever becomes text, never markup.
(() => {
  const MOST_TICKS = 12; // more would run into each other on a telephone

  const texts = JSON.parse(document.getElementById("texts").textContent);
  const say = (key, values) => texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

  const words = (cell) => ({
    asked: cell.querySelector(".wanted")?.textContent ?? "",
    got: cell.querySelector(".got").textContent,
    decision: cell.querySelector(".decision-of").textContent,
  });

  class Reel {
    constructor(root, template) {
      this.own = root.querySelector(".own");
      this.frames = [...root.querySelectorAll(".frame")];
      this.name = root.querySelector("h5 .id").textContent;
      this.stage = template.content.querySelector(".stage").cloneNode(true);
      this.range = this.stage.querySelector("input");
      this.range.max = this.frames.length;
      this.range.value = root.dataset.start;
      this.range.addEventListener("input", () => this.show());
      this.ticks();
      this.put(".before", this.own, say("image", { id: this.name }));
      this.show();
      const strip = root.querySelector(".bins");
      strip.open = false;
      strip.before(this.stage);
      root.classList.add("live");
    }

    /** The scores asked for, below the places of the slider. */
    ticks() {
      if (this.frames.length > MOST_TICKS) return;
      const marks = this.frames.map((frame) => {
        const mark = document.createElement("span");
        mark.textContent = words(frame).asked;
        mark.classList.toggle("turned", frame.classList.contains("turned"));
        return mark;
      });
      this.stage.querySelector(".ticks").append(...marks);
    }

    /** Show the counterfactual of the slider's place. */
    show() {
      const frame = this.frames[this.range.value - 1];
      const { asked, got, decision } = words(frame);
      this.put(".after", frame, say("counterfactual", { id: this.name, asked }));
      this.draw(".change", frame.querySelector(".difference"), say("difference", { id: this.name, asked }));
      this.stage.querySelector(".chosen").textContent = asked;
      this.range.setAttribute("aria-valuetext", say("slider", { asked, got, decision }));
    }

    /** A picture with what the model answers to it. */
    put(place, cell, name) {
      this.draw(place, cell.querySelector(".picture"), name);
      const said = this.stage.querySelector(`${place} .said`);
      const parts = [".got", ".decision-of"].map((part) => cell.querySelector(part).cloneNode(true));
      said.replaceChildren(`${texts.score} `, parts[0], ": ", parts[1]);
      said.classList.toggle("turned", cell.classList.contains("turned"));
    }

    draw(place, picture, name) {
      const image = this.stage.querySelector(`${place} img`);
      image.src = picture.src;
      image.alt = name;
    }
  }

  for (const film of document.querySelectorAll(".film")) {
    const template = film.querySelector("template");
    for (const root of film.querySelectorAll(".reel")) if (root.querySelector(".frame")) new Reel(root, template);
  }
})();
