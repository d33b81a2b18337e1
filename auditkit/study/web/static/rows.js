"use strict";
// Rows of attributes: one is always empty, the comparator is one press away, and attributes are suggested.
const Rows = (() => {
  let count = 0;

  /** One attribute that differs. */
  class Row {
    /** @param list the rows of one category. */
    constructor(root, list) {
      this.root = root;
      this.list = list;
      this.attribute = root.querySelector(".attribute");
      this.comparator = root.querySelector(".comparator");
      this.#press();
      this.#removal();
      if (list.presets.length > 0) new Combobox(this.attribute, () => list.presets);
      else this.attribute.addEventListener("keydown", (event) => this.#enter(event));
      this.attribute.addEventListener("input", () => list.changed(400));
      this.attribute.addEventListener("change", () => list.changed(0));
      this.mark();
    }

    #enter(event) {
      if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) event.preventDefault();
    }

    get named() {
      return this.attribute.value.trim() !== "";
    }

    get empty() {
      return !this.named && this.comparator.value === "";
    }

    get whole() {
      return this.named && this.comparator.value !== "";
    }

    mark() {
      this.root.classList.toggle("empty", this.empty);
      if (this.whole || this.empty) this.complain("");
    }

    complain(text) {
      const place = this.root.querySelector(".complaint");
      place.textContent = text;
      this.attribute.setAttribute("aria-invalid", String(text !== "" && !this.named));
    }

    /** What is missing of it, as words; "" if nothing. */
    get missing() {
      if (this.empty || this.whole) return "";
      return this.named ? "How does it differ? Choose one." : "Which attribute? Name it, or remove the row.";
    }

    focus() {
      (this.named ? this.root.querySelector("[type=radio]") : this.attribute).focus();
    }

    /** Buttons in place of the menu; the menu keeps the value. */
    #press() {
      const group = document.createElement("span");
      group.className = "comparators";
      group.setAttribute("role", "radiogroup");
      group.setAttribute("aria-label", this.comparator.getAttribute("aria-label"));
      const name = `comparator-${(count += 1)}`;
      for (const option of [...this.comparator.options].filter((each) => each.value))
        group.append(this.#button(name, option));
      this.comparator.hidden = true;
      this.comparator.after(group);
    }

    #button(name, option) {
      const label = document.createElement("label");
      const radio = Object.assign(document.createElement("input"), { type: "radio", name, value: option.value });
      radio.checked = option.selected;
      radio.addEventListener("change", () => {
        this.comparator.value = option.value;
        this.list.changed(0);
      });
      // After a click, arrow keys move the images: only who came by keyboard goes on choosing with them.
      label.addEventListener("pointerup", () => setTimeout(() => radio.blur()));
      const text = document.createElement("span");
      text.textContent = option.label;
      label.append(radio, text);
      return label;
    }

    #removal() {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "remove";
      button.textContent = "×";
      button.setAttribute("aria-label", `Remove this row of ${this.list.category}`);
      button.addEventListener("click", () => this.list.remove(this));
      this.root.append(button); // last, so that Tab goes from the attribute to how it differs
    }
  }

  /** The rows of one category. */
  class Rows {
    /**
     * @param root the part of the form.
     * @param told is told of a change, and after how many milliseconds it should be saved.
     */
    constructor(root, told) {
      this.list = root.querySelector(".rows");
      this.category = root.dataset.category;
      this.presets = [...root.querySelectorAll("datalist option")].map((option) => option.value);
      this.told = told;
      this.blank = this.list.lastElementChild.cloneNode(true);
      this.rows = [...this.list.children].map((row) => new Row(row, this));
      this.#tidy();
    }

    /** Exactly one empty row, the last one. */
    #tidy() {
      const spare = this.rows.filter((row) => row.empty && row.root !== this.list.lastElementChild);
      const busy = document.activeElement;
      for (const row of spare) if (!row.root.contains(busy)) this.#drop(row);
      if (!this.rows.at(-1)?.empty) this.#add();
      for (const row of this.rows) row.mark();
    }

    #add() {
      const root = this.blank.cloneNode(true);
      this.list.append(root);
      this.rows.push(new Row(root, this));
    }

    #drop(row) {
      row.root.remove();
      this.rows = this.rows.filter((each) => each !== row);
    }

    changed(delay) {
      this.#tidy();
      this.told(delay);
    }

    remove(row) {
      const place = this.rows.indexOf(row);
      this.#drop(row);
      this.#tidy();
      this.rows[Math.min(place, this.rows.length - 1)].attribute.focus();
      this.told(0);
    }

    /** Names and values of the rows that are whole. */
    get fields() {
      return this.rows
        .filter((row) => row.whole)
        .flatMap((row) => [
          ["category", this.category],
          ["attribute", row.attribute.value.trim()],
          ["comparator", row.comparator.value],
        ]);
    }

    /** The first row of which something is missing, after saying so at each. */
    get unfinished() {
      for (const row of this.rows) row.complain(row.missing);
      return this.rows.find((row) => row.missing);
    }

    focus() {
      this.rows.at(-1).attribute.focus();
    }
  }

  return Rows;
})();
