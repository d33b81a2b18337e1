"use strict";
// A heatmap: the case, a form of two steps, and keys for all of it.
(() => {
  const form = document.getElementById("answer");
  const complaint = document.getElementById("complaint");
  const root = document.getElementById("viewer");
  const tiles = root.classList.contains("volume") ? new Tiles(root) : null;
  const viewer = new Viewer(root);
  const saving = new Saving(form, fields, document.getElementById("saved"));
  const { decision, confidence, rating, unable, comment } = form.elements;
  const decisions = [...form.querySelectorAll("[name=decision]")];
  const ratings = [...form.querySelectorAll("[name=rating]")];
  const range = document.getElementById("confidence-range");
  const second = form.elements.step.value === "second";

  /** What the server can keep: a prediction comes with its confidence or not at all. */
  function fields() {
    const given = decision.value && confidence.value && confidence.checkValidity();
    const own = given ? [["decision", decision.value], ["confidence", confidence.value]] : [];
    if (!second) return [["step", "first"], ...own];
    const rated = rating.value && (!rating.checkValidity || rating.checkValidity());
    return [
      ["step", "second"],
      ...own,
      ...(rated ? [["rating", rating.value]] : []),
      ...(unable.checked ? [["unable", "yes"]] : []),
      ["comment", comment.value],
    ];
  }

  function complain(text, field) {
    complaint.textContent = text;
    complaint.hidden = text === "";
    field?.focus();
    return text !== "";
  }

  /** Says what keeps the form from being handed in; whether anything does. */
  function incomplete() {
    if (!decision.value) return complain("Choose what you predict.", decisions[0]);
    if (!confidence.value || !confidence.checkValidity())
      return complain("How confident are you? A whole number from 0 to 100.", confidence);
    if (second && !unable.checked && !rating.value)
      return complain("Rate the heatmap, or say that you cannot.", ratings[0]);
    if (second && rating.checkValidity && !rating.checkValidity())
      return complain("This rating cannot be given.", rating);
    return complain("");
  }

  async function keepFirst() {
    saving.changed();
    if (await saving.flush()) location.reload();
  }

  async function finish() {
    if (incomplete()) return;
    if (!second) await keepFirst();
    else if (await saving.submit()) location.assign("/next");
  }

  /** The first prediction is final, so that it is sent only when it is handed in. */
  function changed(delay) {
    complain("");
    if (second) saving.changed(delay);
  }

  function follow(from, to) {
    from.addEventListener("input", () => {
      if (from.checkValidity() && from.value !== "") to.value = from.value;
      range.classList.remove("untouched");
      changed(400);
    });
  }

  function confidences() {
    range.hidden = false;
    range.classList.toggle("untouched", confidence.value === "");
    follow(range, confidence);
    follow(confidence, range);
    // A press that leaves the slider where it was is an answer, too.
    range.addEventListener("click", () => range.dispatchEvent(new Event("input")));
  }

  function rateable() {
    for (const each of ratings) {
      const event = each.type === "radio" ? "change" : "input";
      each.addEventListener(event, () => {
        unable.checked = false;
        changed(each.type === "radio" ? 0 : 400);
      });
    }
    unable.addEventListener("change", () => {
      for (const each of ratings) if (each.type === "radio") each.checked = false;
      if (ratings[0].type !== "radio") ratings[0].value = "";
      changed(0);
    });
    comment.addEventListener("input", () => changed(400));
  }

  /** Keys of numbers predict; in the group of ratings they rate. */
  const number = (event) => {
    const rates = event.target.closest("#quality") && ratings[0].type === "radio";
    const chosen = rates ? ratings.find((each) => each.value === event.key) : decisions[event.key - 1];
    if (chosen) chosen.click();
    else if (!rates) return viewer.press(event.key);
    if (rates) chosen?.focus();
    return true;
  };

  const go = (id) => () => document.getElementById(id)?.click();
  const slice = (by) => (event) => tiles?.step(by) || viewer.press(event.key);
  const slices = {
    ArrowLeft: slice(-1),
    ArrowRight: slice(1),
    Home: () => tiles?.go(1) ?? false,
    End: () => tiles?.go(tiles.slices) ?? false,
  };
  const keys = {
    ...viewer.keys,
    ...slices,
    ...Object.fromEntries([..."0123456789"].map((key) => [key, number])),
    k: () => confidence.select(),
    n: () => void finish(),
    p: go("previous"),
    ...(second && {
      r: () => (ratings.find((each) => each.checked) ?? ratings[0]).focus(),
      u: () => unable.click(),
      c: () => comment.focus(),
    }),
  };

  // The viewer takes arrows as moves; of a volume, left and right go from slice to slice.
  if (tiles)
    root.addEventListener(
      "keydown",
      (event) => {
        if (event.target !== root || !(event.key in slices) || event.ctrlKey || event.altKey || event.metaKey) return;
        slices[event.key](event);
        event.preventDefault();
        event.stopImmediatePropagation();
      },
      { capture: true },
    );
  shortcuts(keys, finish);

  form.noValidate = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void finish();
  });
  for (const each of decisions) each.addEventListener("change", () => changed(0));
  // After a click, arrow keys go through the slices: only who came by keyboard goes on choosing with them.
  for (const each of [...decisions, ...ratings, range])
    (each.closest("label") ?? each).addEventListener("pointerup", () => setTimeout(() => each.blur()));
  confidences();
  if (second) rateable();
  document.documentElement.dataset.ready = "yes";
})();
