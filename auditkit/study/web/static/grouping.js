"use strict";
// The board: every change is saved at once, and what others change appears while one works.
(() => {
  const POLL = 3000; // milliseconds

  const saved = document.getElementById("saved");
  const complaint = document.getElementById("complaint");
  const agreement = document.getElementById("agree");
  const search = document.getElementById("search");
  const onlyOpen = document.getElementById("only-open");
  const members = document.getElementById("members");
  const own = agreement.querySelector("[data-own]").dataset.own;
  let attributes = [...document.querySelectorAll("#attributes option")].map((option) => option.value);
  let sending = 0;
  let asked = 0; // answers to older questions than the newest change are not shown

  const say = (state, text) => {
    saved.dataset.state = state;
    saved.textContent = text;
  };

  const complain = (text) => {
    complaint.textContent = text;
    complaint.hidden = text === "";
  };

  /** Posts a form's fields, and shows the board that comes back. */
  async function post(address, fields) {
    sending += 1;
    asked += 1;
    const body = new URLSearchParams([...fields, ["csrf", agreement.elements.csrf.value]]);
    try {
      const board = await insist(address, body, () => say("failing", "not saved: retrying"));
      say("saved", `saved ${clockTime(new Date())}`);
      complain("");
      if (sending === 1) show(board);
      return true;
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      say("refused", "not saved");
      complain(refusal.message);
      return false;
    } finally {
      sending -= 1;
    }
  }

  async function poll() {
    if (!document.hidden && sending === 0) {
      const turn = (asked += 1);
      const answer = await fetch("/grouping", { headers: { Accept: "application/json" } }).catch(() => null);
      const board = await answer?.json().catch(() => null);
      if (turn !== asked) return; // something was sent meanwhile: its answer is newer
      if (answer?.ok && board) show(board);
      else if (board?.error) complain(board.error);
    }
  }

  /** One text, and the attribute it is in. */
  class Text {
    constructor(root) {
      this.root = root;
      this.form = root.querySelector("form");
      this.category = this.form.elements.category.value;
      this.text = this.form.elements.text.value;
      this.box = root.querySelector("[type=checkbox]");
      this.field = this.form.elements.attribute;
      this.kept = this.field.value;
      this.gone = false;
      root.querySelector(".save").hidden = true;
      new Combobox(this.field, () => ownFirst(this.category), () => this.put(this.field.value));
      this.field.addEventListener("change", () => this.put(this.field.value));
      this.form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.put(this.text);
      });
      this.box.addEventListener("change", count);
    }

    async put(attribute) {
      if (attribute.trim() === this.kept) return;
      const before = this.kept;
      this.field.value = this.kept = attribute.trim(); // the board brings the full name
      const fields = { category: this.category, text: this.text, attribute };
      if (await post("/grouping", Object.entries(fields))) return;
      this.kept = before;
    }

    /** What the board says, unless somebody is typing just here. */
    show(attribute) {
      const typing = this.field === document.activeElement && this.field.value !== this.kept;
      if (typing) return;
      this.field.value = this.kept = attribute;
      this.root.classList.toggle("open", attribute === "");
    }

    sift() {
      const wanted = search.value.trim().toLowerCase();
      const found = `${this.text} ${this.kept}`.toLowerCase().includes(wanted);
      const busy = this.root.contains(document.activeElement);
      this.root.hidden = this.gone || (!busy && !(found && (!onlyOpen.checked || this.kept === "")));
    }
  }

  /** Attributes of a text's own category, then the others. */
  function ownFirst(category) {
    const here = (name) => name.startsWith(`${category}/`);
    return [...attributes.filter(here), ...attributes.filter((name) => !here(name))];
  }

  const texts = [...document.querySelectorAll("tr.text")].map((root) => new Text(root));
  const key = (text) => JSON.stringify([text.category, text.text]);
  const known = new Map(texts.map((text) => [key(text), text]));

  function show(board) {
    attributes = board.attributes;
    const now = new Map(board.texts.map((text) => [key(text), text.attribute]));
    // A text is not on the board while an attribute bears its name; it may come back.
    for (const [name, text] of known) text.gone = !now.has(name);
    for (const [name, attribute] of now) known.get(name)?.show(attribute);
    if ([...now.keys()].some((name) => !known.has(name))) return location.reload();
    const left = board.texts.filter((text) => !text.attribute).length;
    document.getElementById("left").textContent = `${left} of ${board.texts.length} texts without an attribute`;
    agreement.elements.state.value = board.state;
    agreement.querySelector("button").disabled = left > 0 || board.agreed.includes(own);
    for (const line of document.querySelectorAll("#agreed li")) agrees(line, board.agreed);
    list(board);
    sift();
  }

  function agrees(line, agreed) {
    const does = agreed.includes(line.dataset.expert);
    if (line.dataset.agrees === (does ? "yes" : "no")) return; // read out only when it changes
    line.dataset.agrees = does ? "yes" : "no";
    line.querySelector("span").textContent = does ? "agrees" : "has not agreed yet";
  }

  /** The attributes with their texts, drawn again only if something changed. */
  function list(board) {
    const wanted = JSON.stringify([board.attributes, board.texts]);
    if (members.dataset.drawn === wanted) return;
    members.dataset.drawn = wanted;
    members.replaceChildren(...board.attributes.map((attribute) => entry(attribute, board.texts)));
  }

  function entry(attribute, all) {
    const made = document.getElementById("member").content.firstElementChild.cloneNode(true);
    const found = all.filter((text) => text.attribute === attribute);
    made.querySelector("h3").textContent = attribute;
    made.classList.toggle("unused", found.length === 0);
    made.querySelector("ul").replaceChildren(
      ...found.map((text) => {
        const item = document.createElement("li");
        item.textContent = `${text.text} (${text.count})`;
        return item;
      }),
    );
    return made;
  }

  function sift() {
    for (const text of texts) text.sift();
  }

  /** How many are selected, at each category's own form. */
  function count() {
    for (const form of document.querySelectorAll("form.merge")) {
      const many = texts.filter((text) => text.box.form === form && text.box.checked).length;
      form.classList.toggle("ready", many > 0);
      form.querySelector("button").textContent = many > 0 ? `Group ${many} ${many === 1 ? "text" : "texts"}` : "Group";
      form.querySelector("button").disabled = many === 0;
    }
  }

  async function merge(form) {
    const chosen = texts.filter((text) => text.box.form === form && text.box.checked);
    const attribute = form.elements.attribute.value;
    if (chosen.length === 0) return;
    if (attribute.trim() === "") {
      form.elements.attribute.focus();
      complain("Which attribute? Choose one, or write a new name.");
      return;
    }
    const fields = [["category", form.elements.category.value], ["attribute", attribute]];
    if (!(await post("/grouping", [...fields, ...chosen.map((text) => ["text", text.text])]))) return;
    for (const text of chosen) text.box.checked = false;
    form.elements.attribute.value = "";
    count();
  }

  for (const form of document.querySelectorAll("form.merge")) {
    const category = form.elements.category.value;
    new Combobox(form.elements.attribute, () => ownFirst(category), () => merge(form));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void merge(form);
    });
  }
  agreement.addEventListener("submit", (event) => {
    event.preventDefault();
    void post("/grouping/agree", [["state", agreement.elements.state.value]]);
  });
  for (const filter of [search, onlyOpen]) filter.addEventListener("input", sift);
  for (const hidden of document.querySelectorAll(".filters")) hidden.hidden = false;
  addEventListener("beforeunload", (event) => sending > 0 && event.preventDefault());
  setInterval(poll, POLL);
  document.addEventListener("visibilitychange", poll);
  count();
  document.documentElement.dataset.ready = "yes";
})();
