/* In a family of many one finds the person by typing: a choice of people gets a search above it. Without this script,
   and in a small family, the choice stands alone. */
(() => {
  "use strict";

  const MANY = 12;
  const template = document.getElementById("choose-person");
  if (!template) return;
  const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLocaleLowerCase();

  function narrow(select, all, typed, said) {
    const words = fold(typed).split(/\s+/).filter(Boolean);
    const fits = (option) => words.every((word) => fold(option.text).includes(word));
    const found = all.filter(fits);
    const chosen = select.selectedOptions[0];
    // What is chosen stays chosen until something else is; a single one that fits is meant.
    const only = words.length && found.length === 1 ? found[0] : chosen;
    select.replaceChildren(...all.filter((option) => option === only || found.includes(option)));
    said.textContent = words.length ? `${found.length} / ${all.length}` : "";
    if (only === select.selectedOptions[0] && only === chosen) return;
    only.selected = true;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function addSearch(select) {
    if (select.options.length <= MANY || select.dataset.chooses) return;
    select.dataset.chooses = "1";
    const part = template.content.cloneNode(true);
    const [input, said] = [part.querySelector("input"), part.querySelector("[role=status]")];
    const all = [...select.options];
    input.setAttribute("aria-controls", select.id);
    input.addEventListener("input", (event) => {
      // What one looks for is no answer of the form.
      event.stopPropagation();
      narrow(select, all, input.value, said);
    });
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      select.focus();
    });
    select.before(part);
  }

  const look = () => document.querySelectorAll("select[name=member], select[name=who]").forEach(addSearch);
  document.addEventListener("htmx:afterSettle", look);
  look();
})();
