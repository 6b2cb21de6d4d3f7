/* Gives a name to what Django's admin leaves without one: cells of inline rows, halves of a date and time, select2. */
(() => {
  "use strict";
  const words = (element) => (element ? element.textContent.replace(/\s+/g, " ").trim().replace(/[:?]$/, "") : "");
  const unnamed = (input) =>
    input.type !== "hidden" && !input.getAttribute("aria-label") && !(input.labels && input.labels.length);

  const nameCells = () => {
    for (const cell of document.querySelectorAll(".inline-group td")) {
      const head = cell.closest("table").tHead.rows[0].cells;
      const column = [...cell.classList].find((one) => one.startsWith("field-"));
      const title = cell.classList.contains("delete")
        ? head[head.length - 1]
        : [...head].find((one) => column && one.classList.contains(column.replace("field-", "column-")));
      for (const input of cell.querySelectorAll("input, select, textarea")) {
        if (unnamed(input) && words(title)) input.setAttribute("aria-label", words(title));
      }
    }
  };

  const nameTimes = () => {
    for (const input of document.querySelectorAll(".datetime :is(.vDateField, .vTimeField)")) {
      const row = input.closest(".form-row, fieldset");
      const half = input.previousSibling?.textContent || "";
      const name = `${words(row?.querySelector("legend, label"))} ${half.trim().replace(":", "").toLowerCase()}`;
      if (unnamed(input)) input.setAttribute("aria-label", name.trim());
    }
  };

  const nameChoices = () => {
    for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
      const name = words(select.labels[0]) || select.getAttribute("aria-label") || "";
      const box = select.nextElementSibling;
      for (const part of box?.querySelectorAll("[role=combobox], [role=textbox], input") || []) {
        part.removeAttribute("aria-labelledby");
        part.setAttribute("aria-label", name);
      }
    }
  };

  // A name on a bare span is not heard; as a picture it is.
  const nameHints = () => {
    for (const hint of document.querySelectorAll("span.help-tooltip[aria-label]")) hint.setAttribute("role", "img");
  };

  const nameAll = () => {
    nameHints();
    nameCells();
    nameTimes();
    nameChoices();
  };
  window.addEventListener("load", nameAll);
  // select2 comes when jQuery finds the time, before this page has loaded or after.
  new MutationObserver((changes) => {
    const made = changes.flatMap((change) => [...change.addedNodes]);
    if (made.some((node) => node.nodeType === 1 && node.matches(".select2-container"))) nameChoices();
  }).observe(document.documentElement, { childList: true, subtree: true });
  document.addEventListener("formset:added", () => setTimeout(nameAll));
})();
