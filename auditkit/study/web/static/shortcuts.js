"use strict";
// Single keys, never while somebody types; they can be turned off (WCAG 2.1.4). The list of them opens with "?".
const shortcuts = (() => {
  const KEPT = "auditkit.single-keys";
  const ACTING = "[type=radio], [type=checkbox], [type=button], [type=submit], [type=reset]";

  const typing = (target) =>
    target.closest("textarea, select, [contenteditable], [role=combobox]") ||
    (target.matches("input") && !target.matches(ACTING));

  const turnedOff = () => {
    try {
      return localStorage.getItem(KEPT) === "off";
    } catch {
      return false; // storage may be forbidden: keys are on then
    }
  };

  const keep = (on) => {
    try {
      localStorage.setItem(KEPT, on ? "on" : "off");
    } catch {
      // It holds for this page alone then.
    }
  };

  /**
   * @param keys what each key does: a function of the event; false: it does not apply, and the key is left alone.
   * @param finish what Ctrl+Enter does, in fields too.
   */
  function shortcuts(keys, finish = () => {}) {
    const help = document.getElementById("keys");
    const box = help.querySelector("input[type=checkbox]");
    box.checked = !turnedOff();
    box.addEventListener("change", () => keep(box.checked));
    for (const button of document.querySelectorAll(".show-keys")) {
      button.hidden = false;
      button.addEventListener("click", () => help.showModal());
    }
    document.addEventListener("keydown", (event) => {
      if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        finish();
        return;
      }
      if (event.key === "Escape" && typing(event.target)) event.target.blur();
      if (event.ctrlKey || event.metaKey || event.altKey || !box.checked || typing(event.target)) return;
      // Arrow keys choose among the buttons of a group.
      if (event.key.startsWith("Arrow") && event.target.matches("[type=radio], summary, progress")) return;
      const act = event.key === "?" ? () => help.showModal() : keys[event.key];
      if (act && act(event) !== false) event.preventDefault();
    });
  }

  return shortcuts;
})();
