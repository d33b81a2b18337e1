"use strict";
// A text field with suggestions: the ARIA pattern "editable combobox with list autocompletion".
const Combobox = (() => {
  const MOST = 200;

  let count = 0;

  const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

  /** Options that hold every word typed; those that begin with it come first. */
  function matching(options, typed) {
    const wanted = words(typed);
    const start = typed.trim().toLowerCase();
    const found = options.filter((option) => wanted.every((word) => option.toLowerCase().includes(word)));
    const begins = (option) => (option.toLowerCase().startsWith(start) ? 0 : 1);
    return found.sort((one, other) => begins(one) - begins(other)).slice(0, MOST);
  }

  class Combobox {
    #input;
    #options;
    #picked;
    #list = document.createElement("ul");
    #active = -1;

    /**
     * @param input a text field; its value stays free.
     * @param options gives the options, whenever the list opens.
     * @param picked is told that one was picked.
     */
    constructor(input, options, picked = () => {}) {
      this.#input = input;
      this.#options = options;
      this.#picked = picked;
      this.#list.id = `suggestions-${(count += 1)}`;
      this.#list.className = "suggestions";
      this.#list.hidden = true;
      this.#list.setAttribute("role", "listbox");
      this.#list.setAttribute("aria-label", "Suggestions");
      this.#dress();
      input.after(this.#list);
      input.addEventListener("input", () => this.#open());
      input.addEventListener("keydown", (event) => this.#key(event));
      input.addEventListener("click", () => this.#list.hidden && this.#open());
      input.addEventListener("blur", () => this.close());
      // The field keeps the focus while an option is clicked.
      this.#list.addEventListener("pointerdown", (event) => event.preventDefault());
      this.#list.addEventListener("click", (event) => this.#pick(event.target.closest("[role=option]")));
    }

    #dress() {
      this.#input.removeAttribute("list");
      const roles = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false" };
      for (const [name, value] of Object.entries({ ...roles, "aria-controls": this.#list.id }))
        this.#input.setAttribute(name, value);
      this.#input.autocomplete = "off";
    }

    get #shown() {
      return [...this.#list.children];
    }

    #open() {
      const found = matching(this.#options(), this.#input.value);
      this.#list.replaceChildren(...found.map((option, place) => this.#option(option, place)));
      this.#list.hidden = found.length === 0;
      this.#input.setAttribute("aria-expanded", String(found.length > 0));
      this.#mark(-1);
      if (found.length > 0) this.#list.scrollIntoView({ block: "nearest" });
    }

    #option(text, place) {
      const option = document.createElement("li");
      option.id = `${this.#list.id}-${place}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.textContent = text;
      return option;
    }

    close() {
      this.#list.hidden = true;
      this.#list.replaceChildren();
      this.#input.setAttribute("aria-expanded", "false");
      this.#mark(-1);
    }

    #mark(place) {
      this.#active = place;
      this.#shown.forEach((option, index) => option.setAttribute("aria-selected", String(index === place)));
      const option = this.#shown[place];
      if (option) {
        this.#input.setAttribute("aria-activedescendant", option.id);
        option.scrollIntoView({ block: "nearest" });
      } else this.#input.removeAttribute("aria-activedescendant");
    }

    #key(event) {
      if (event.isComposing || event.ctrlKey || event.metaKey) return;
      const steps = { ArrowDown: 1, ArrowUp: -1 };
      if (event.key in steps) {
        event.preventDefault();
        this.#step(steps[event.key]);
      } else if (event.key === "Escape" && !this.#list.hidden) {
        event.preventDefault();
        this.close();
      } else if (event.key === "Enter") {
        event.preventDefault(); // Enter in a field would submit the form
        if (this.#active >= 0) this.#pick(this.#shown[this.#active]);
        else this.#picked(this.#input);
      }
    }

    #step(by) {
      if (this.#list.hidden) this.#open();
      const many = this.#shown.length;
      if (many === 0) return;
      const first = by > 0 ? 0 : many - 1;
      this.#mark(this.#active < 0 ? first : (this.#active + by + many) % many);
    }

    #pick(option) {
      if (!option) return;
      this.#input.value = option.textContent;
      this.close();
      this.#input.dispatchEvent(new Event("change", { bubbles: true }));
      this.#picked(this.#input);
    }
  }

  return Combobox;
})();
