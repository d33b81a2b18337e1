"use strict";
// A pair: the images, the form that is saved as it changes, and keys for all of it.
(() => {
  const form = document.getElementById("answer");
  const complaint = document.getElementById("complaint");
  const viewer = new Viewer(document.getElementById("viewer"));
  const saving = new Saving(form, fields, document.getElementById("saved"));
  const categories = [...form.querySelectorAll(".category")].map(
    (root) => new Rows(root, (delay) => saving.changed(delay)),
  );
  let finishing = false;

  function fields() {
    const comment = [["comment", form.elements.comment.value]];
    const choice = form.elements.choice.value;
    const chosen = choice ? [["choice", choice]] : [];
    const unable = form.elements.unable.checked ? [["unable", "yes"]] : [];
    return [...chosen, ...unable, ...categories.flatMap((rows) => rows.fields), ...comment];
  }

  function complain(text) {
    complaint.textContent = text;
    complaint.hidden = text === "";
  }

  /** What keeps the form from being handed in, as the field to go to; null if nothing. */
  function missing() {
    const rows = categories.map((each) => each.unfinished).filter(Boolean);
    if (!form.elements.choice.value && !form.elements.unable.checked) {
      complain("Choose A or B, or say that you are unable to assess the pair.");
      return form.elements.choice[0];
    }
    complain(rows.length > 0 ? "A row is not complete." : "");
    return rows[0] ?? null;
  }

  async function finish() {
    if (finishing) return; // a key that is pressed twice hands in one pair
    const field = missing();
    if (field) return field.focus();
    finishing = true;
    finishing = await saving.submit();
    if (finishing) location.assign("/next");
  }

  function choose(side) {
    return () => [...form.elements.choice].find((radio) => radio.value === side).click();
  }

  const go = (id) => () => document.getElementById(id)?.click();

  shortcuts(
    {
      ...viewer.keys,
      1: choose("A"),
      a: choose("A"),
      2: choose("B"),
      b: choose("B"),
      u: () => form.elements.unable.click(),
      r: () => categories[0].focus(),
      c: () => form.elements.comment.focus(),
      f: (event) => event.repeat || viewer.pressFlicker(),
      n: () => void finish(),
      p: go("previous"),
    },
    finish,
  );
  document.addEventListener("keyup", (event) => event.key === "f" && viewer.releaseFlicker());

  form.noValidate = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void finish();
  });
  form.elements.comment.addEventListener("input", () => saving.changed(400));
  for (const box of [...form.elements.choice, form.elements.unable])
    box.addEventListener("change", () => {
      complain("");
      saving.changed();
    });
  // A row of which something is missing cannot be kept by the server: say so before it is lost.
  addEventListener("beforeunload", (event) => {
    if (categories.some((rows) => rows.unfinished)) event.preventDefault();
  });
  document.documentElement.dataset.ready = "yes";
})();
