/* The command palette: Ctrl K (or ⌘ K) opens it, arrows choose, Enter does. */
(() => {
  "use strict";

  const palette = document.getElementById("palette");
  if (!palette) return;
  const field = palette.querySelector("input");
  const rows = () => [...palette.querySelectorAll("[data-row]")];
  let chosen = 0;

  function open() {
    if (palette.open) return;
    palette.showModal();
    field.select();
    field.focus();
  }

  function mark(place) {
    const all = rows();
    chosen = Math.max(0, Math.min(place, all.length - 1));
    for (const [number, row] of all.entries()) row.closest("li").classList.toggle("on", number === chosen);
    all[chosen]?.closest("li").scrollIntoView({ block: "nearest" });
  }

  function press(event) {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      open();
    } else if (palette.open && event.target === field) {
      choose(event);
    }
  }

  function choose(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) {
      event.preventDefault();
      mark(chosen + steps[event.key]);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      rows()[chosen]?.click();
    }
  }

  function click(event) {
    if (event.target.closest("[data-palette]")) open();
    // A link inside does its work on the page below: the palette makes room. A click beside it closes it too.
    if (event.target === palette || event.target.closest("#palette a, [data-palette-close]")) palette.close();
  }

  document.addEventListener("keydown", press);
  document.addEventListener("click", click);
  palette.addEventListener("htmx:afterSettle", () => mark(0));
})();
