"use strict";
// Pre-screening of one image: one key answers it, and the next one follows.
(() => {
  const form = document.getElementById("answer");
  const viewer = new Viewer(document.getElementById("viewer"));
  const saving = new Saving(form, fields, document.getElementById("saved"));
  const buttons = [...form.querySelectorAll("button[name=artifact]")];
  let answered = false;

  function fields() {
    const given = buttons.find((button) => button.classList.contains("given"));
    return [["comment", form.elements.comment.value], ...(given ? [["artifact", given.value]] : [])];
  }

  async function answer(button) {
    if (answered) return; // a key that is pressed twice answers one image
    answered = true;
    for (const each of buttons) each.classList.toggle("given", each === button);
    answered = await saving.submit();
    if (answered) location.assign("/next");
  }

  const go = (id) => () => document.getElementById(id)?.click();
  const press = (value) => (event) => event.repeat || void answer(buttons.find((each) => each.value === value));

  shortcuts({
    ...viewer.keys,
    1: press("no"),
    n: press("no"),
    2: press("yes"),
    y: press("yes"),
    c: () => form.elements.comment.focus(),
    p: go("previous"),
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (event.submitter) void answer(event.submitter);
  });
  form.elements.comment.addEventListener("input", () => saving.changed(400));
  document.documentElement.dataset.ready = "yes";
})();
