"use strict";
// The image browser: filters, ranks and shows what the page already holds. It loads nothing and
// evaluates nothing; text from data only ever becomes text (textContent), never markup.
(() => {
  const STEP = 60; // cards built at a time, so that a thousand images do not slow the page
  const NONE = "–";
  const json = (element) => JSON.parse(element.textContent);
  const assets = json(document.getElementById("gallery-assets"));
  const texts = json(document.getElementById("texts"));
  const say = (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const grouped = (count) => count.toLocaleString("en").replaceAll(",", texts.thousands);
  const picture = (place) => `data:image/webp;base64,${assets[place]}`;

  // As auditkit.report.words.fixed prints a number alone.
  const text = (value) => {
    if (value === null) return NONE;
    const size = Math.abs(value);
    const digits = value.toFixed(size < 10 ? 3 : size < 1000 ? 1 : 0);
    return /[1-9]/.test(digits) ? digits.replace("-", "−") : digits.replace("-", "");
  };

  const element = (tag, className, content) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (content !== undefined) made.textContent = content;
    return made;
  };

  const valueSpan = (value) => {
    const known = value === "right" || value === "wrong" ? ` ${value}` : "";
    return element("span", `value${known}`, value);
  };

  /** Put an item's picture, heatmap and outline into a `.layers` element; drop what it has not. */
  const paint = (layers, item) => {
    const [image, heat, edge, missing] = ["picture", "heat", "edge", "missing"].map((name) =>
      layers.querySelector(`.${name}`),
    );
    const source = (target, place) =>
      place < 0 ? target.remove() : target.setAttribute("src", picture(place));
    source(image, item.picture);
    source(heat, item.heatmap);
    if (item.outline < 0) edge.remove();
    else for (const path of edge.children) path.setAttribute("d", assets[item.outline]);
    if (item.missing) missing.textContent = item.missing;
    else missing.remove();
    return layers;
  };

  class Browser {
    constructor(root) {
      this.root = root;
      this.data = json(root.querySelector(".data"));
      this.card = root.querySelector("template").content;
      this.tiles = this.find(".tiles");
      this.dialog = this.find("dialog");
      this.found = []; // places of the items that pass all filters, in the order shown
      this.place = 0; // of the enlarged item, in `found`
      this.boxes = [...root.querySelectorAll("fieldset input")];
      this.listen();
      this.find(".controls").hidden = false;
      root.classList.add("live");
      if (matchMedia("(max-width: 55rem)").matches) this.find(".filters").open = false;
      this.recall();
      this.bounds();
      this.draw();
      this.update();
    }

    find(selector) {
      return this.root.querySelector(selector);
    }

    input(name) {
      return this.find(`[name="${name}"]`);
    }

    listen() {
      const update = () => {
        this.update();
        this.remember();
      };
      for (const box of this.boxes) box.addEventListener("change", update);
      for (const name of ["order", "low", "high", "id"]) this.input(name)?.addEventListener("input", update);
      this.input("score")?.addEventListener("input", () => {
        this.input("low").value = this.input("high").value = ""; // they were limits of another score
        this.bounds();
        update();
      });
      for (const name of ["heatmap", "opacity", "outline"]) {
        this.input(name).addEventListener("input", () => this.draw());
      }
      this.find(".clear").addEventListener("click", () => {
        this.clear();
        update();
      });
      this.find(".more").addEventListener("click", () => {
        const next = this.tiles.children.length;
        this.more();
        this.tiles.children[next].firstElementChild.focus();
      });
      this.tiles.addEventListener("click", (event) => {
        const tile = event.target.closest("li");
        if (tile) this.enlarge([...this.tiles.children].indexOf(tile));
      });
      addEventListener("hashchange", () => {
        if (!this.recall()) return;
        this.bounds();
        this.update();
      });
      this.listenToDialog();
    }

    listenToDialog() {
      const step = (by) => this.enlarge(this.place + by);
      this.find(".back").addEventListener("click", () => step(-1));
      this.find(".on").addEventListener("click", () => step(1));
      this.find(".close").addEventListener("click", () => this.dialog.close());
      this.dialog.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (by && !event.altKey && !event.ctrlKey && !event.metaKey) {
          event.preventDefault();
          step(by);
        }
      });
      // A click on the dialog itself, not on what it holds, is a click beside it.
      this.dialog.addEventListener("click", (event) => {
        if (event.target === this.dialog) this.dialog.close();
      });
      this.dialog.addEventListener("close", () => {
        // The address may have asked for fewer images in the meantime.
        const place = Math.min(this.place, this.found.length - 1);
        while (this.tiles.children.length <= place) this.more();
        this.tiles.children[place]?.firstElementChild.focus();
      });
    }

    /** What is asked for: a search text, a range of one score, chosen values by facet. */
    asked() {
      const limit = (name, open) => {
        const number = this.input(name)?.valueAsNumber;
        return Number.isFinite(number) ? number : open;
      };
      const chosen = this.data.facets.map(() => new Set());
      for (const box of this.boxes.filter((each) => each.checked)) {
        chosen[this.facet(box)].add(Number(box.value));
      }
      return {
        id: this.input("id").value.trim().toLowerCase(),
        low: limit("low", -Infinity),
        high: limit("high", Infinity),
        chosen,
      };
    }

    facet(box) {
      return Number(box.closest("fieldset").dataset.facet);
    }

    get score() {
      return Number(this.input("score")?.value ?? 0);
    }

    /** Filter, count, rank and show. */
    update() {
      const asked = this.asked();
      const counts = this.data.facets.map((facet) => facet.values.map(() => 0));
      this.found = [];
      this.data.items.forEach((item, place) => {
        if (!this.inRange(item, asked)) return;
        const failed = asked.chosen.flatMap((set, facet) =>
          set.size && !set.has(item.facets[facet]) ? [facet] : [],
        );
        if (!failed.length) this.found.push(place);
        // A facet's counts say what choosing a value would give, so its own choice does not count.
        item.facets.forEach((value, facet) => {
          if (failed.every((each) => each === facet)) counts[facet][value] += 1;
        });
      });
      this.rank();
      this.count(counts, asked);
      this.tiles.replaceChildren();
      this.more();
    }

    inRange(item, asked) {
      if (!item.id.toLowerCase().includes(asked.id)) return false;
      if (asked.low === -Infinity && asked.high === Infinity) return true;
      const score = item.scores[this.score];
      return score !== null && asked.low <= score && score <= asked.high;
    }

    /** Order by the chosen score; what is not evaluable comes last, equals keep the page's order. */
    rank() {
      const { items } = this.data;
      const value = (place) => items[place].scores[this.score] ?? null;
      const sign = this.input("order")?.value === "down" ? -1 : 1;
      this.found.sort((a, b) => {
        const [first, second] = [value(a), value(b)];
        if (first === null || second === null) return (first === null) - (second === null) || a - b;
        return sign * (first - second) || a - b;
      });
      this.ranks = [];
      this.found.forEach((place, i) => {
        const same = i > 0 && value(place) === value(this.found[i - 1]);
        this.ranks.push(value(place) === null ? NONE : same ? this.ranks[i - 1] : i + 1);
      });
    }

    count(counts, asked) {
      for (const box of this.boxes) {
        const count = counts[this.facet(box)][box.value];
        box.parentElement.querySelector(".count").textContent = grouped(count);
        box.parentElement.classList.toggle("none", !count);
      }
      const set = asked.chosen.filter((each) => each.size).length;
      this.find(".set").textContent = set ? say("set", { count: set }) : "";
      const [found, total] = [this.found.length, this.data.items.length];
      const unranked = this.ranks.filter((rank) => rank === NONE).length;
      const last = this.data.scores.length && unranked ? say("unranked", { count: grouped(unranked) }) : "";
      const key = `${this.root.dataset.noun}-${total === 1 ? "one" : "other"}`;
      this.find(".found").textContent = say(key, { found: grouped(found), count: grouped(total) }) + last;
    }

    /** What is asked for, in words: on paper there are no controls to read it from. */
    tell(built) {
      const { id, low, high, chosen } = this.asked();
      const score = this.data.scores[this.score];
      const order = this.input("order")?.selectedOptions[0].textContent;
      const said = chosen.flatMap((set, facet) => {
        const { title, values } = this.data.facets[facet];
        return set.size ? [`${title}: ${[...set].map((value) => values[value]).join(say("or"))}`] : [];
      });
      if (low > -Infinity) said.push(say("from", { score, low }));
      if (high < Infinity) said.push(say("to", { score, high }));
      if (id) said.push(say("contains", { id }));
      if (score) said.push(say("sorted", { score, order }));
      if (built < this.found.length) said.push(say("first", { count: built }));
      this.find(".asked").textContent = said.join("; ");
    }

    /** Build the next cards. */
    more() {
      const built = this.tiles.children.length;
      const next = this.found.slice(built, built + STEP);
      this.tiles.append(...next.map((place, i) => this.tile(this.data.items[place], built + i)));
      const left = this.found.length - built - next.length;
      this.tell(built + next.length);
      const button = this.find(".more");
      button.hidden = left <= 0;
      button.textContent = say("more", { next: Math.min(left, STEP), left: grouped(left) });
    }

    tile(item, i) {
      const made = this.card.cloneNode(true);
      const put = (name, content) => (made.querySelector(`.${name}`).textContent = content);
      paint(made.querySelector(".layers"), item);
      put("id", item.id);
      if (this.data.scores.length) {
        put("place", this.ranks[i]);
        put("score", `${this.data.scores[this.score]} ${text(item.scores[this.score])}`);
      } else made.querySelector(".rank").remove();
      const facts = this.data.onCard.map((facet) => {
        const { title, values } = this.data.facets[facet];
        const fact = element("span", "fact", `${title} `);
        fact.append(valueSpan(values[item.facets[facet]]));
        return fact;
      });
      made.querySelector(".facts").append(...facts);
      return made;
    }

    /** Show one image large, with everything known of it. */
    enlarge(place) {
      if (place < 0 || place >= this.found.length) return;
      this.place = place;
      const item = this.data.items[this.found[place]];
      const rows = [
        ...this.data.scores.map((name, i) => [name, element("span", "", text(item.scores[i]))]),
        ...this.data.facets.map(({ title, values }, i) => [title, valueSpan(values[item.facets[i]])]),
      ];
      this.find("dialog h5").replaceChildren(
        element("span", "id", item.id),
        element("span", "quiet", ` ${say("place", { place: place + 1, count: this.found.length })}`),
      );
      this.find("dialog dl").replaceChildren(
        ...rows.flatMap(([name, value]) => {
          const cell = element("dd");
          cell.append(value);
          return [element("dt", "", name), cell];
        }),
      );
      this.find("dialog .note").textContent = item.note;
      this.side(".plain", { ...item, heatmap: -1, outline: -1 }, say("image", { id: item.id }));
      this.side(".covered", item, say("covered", { id: item.id }));
      // Disabled buttons would lose the focus, so the ends are told and not taken away.
      this.find(".back").setAttribute("aria-disabled", String(place === 0));
      this.find(".on").setAttribute("aria-disabled", String(place === this.found.length - 1));
      if (!this.dialog.open) this.dialog.showModal();
    }

    side(selector, item, name) {
      const layers = this.card.querySelector(".layers").cloneNode(true);
      paint(layers, item).querySelector(".picture")?.setAttribute("alt", name);
      this.find(selector).replaceChildren(layers);
    }

    /** Heatmap and outline: shown or not, and how strongly. */
    draw() {
      this.root.classList.toggle("no-heat", !this.input("heatmap").checked);
      this.root.classList.toggle("no-edge", !this.input("outline").checked);
      this.root.style.setProperty("--heat", this.input("opacity").value / 100);
    }

    /** Say which score the range limits, and between what values it lies. */
    bounds() {
      if (!this.data.scores.length) return;
      const values = this.data.items.map((item) => item.scores[this.score]).filter((v) => v !== null);
      for (const name of this.root.querySelectorAll(".range .of")) {
        name.textContent = `${name.classList.contains("unseen") ? ", " : ""}${this.data.scores[this.score]}`;
      }
      // reduce, not Math.min(...values): there may be more values than a call takes arguments.
      const least = values.reduce((a, b) => Math.min(a, b), Infinity);
      const most = values.reduce((a, b) => Math.max(a, b), -Infinity);
      this.input("low").placeholder = values.length ? text(least) : "";
      this.input("high").placeholder = values.length ? text(most) : "";
    }

    clear() {
      for (const box of this.boxes) box.checked = false;
      for (const name of ["low", "high", "id"]) if (this.input(name)) this.input(name).value = "";
    }

    /** Keep what is asked for in the address, so that a view can be sent and reloaded. */
    remember() {
      const kept = new URLSearchParams();
      for (const name of ["score", "order", "low", "high", "id"]) {
        const input = this.input(name);
        const usual = input?.options?.[0].value ?? "";
        if (input && input.value !== usual) kept.set(name, input.value);
      }
      for (const box of this.boxes.filter((each) => each.checked)) {
        const { title, values } = this.data.facets[this.facet(box)];
        kept.append(`is ${title}`, values[box.value]);
      }
      history.replaceState(null, "", `#${this.root.id}?${kept}`);
    }

    /** Ask for what the address says, if it is about this gallery. */
    recall() {
      const [name, query] = location.hash.slice(1).split(/\?(.*)/s);
      if (name !== this.root.id || query === undefined) return false;
      const kept = new URLSearchParams(query);
      this.clear();
      for (const name of ["score", "order", "low", "high", "id"]) {
        const input = this.input(name);
        const usual = input?.options?.[0].value ?? "";
        if (input) input.value = kept.get(name) ?? usual;
        if (input?.options && input.selectedIndex < 0) input.value = usual;
      }
      for (const box of this.boxes) {
        const { title, values } = this.data.facets[this.facet(box)];
        box.checked = kept.getAll(`is ${title}`).includes(values[box.value]);
      }
      this.root.scrollIntoView();
      return true;
    }
  }

  for (const root of document.querySelectorAll(".browser")) new Browser(root);
})();
