/* Ticks of a list: all that are shown at once, a stretch with Shift, and how many there are. */
(() => {
  "use strict";

  const form = () => document.querySelector("form[data-ticks]");
  const named = (list) => `input[type=checkbox][name=${list.dataset.ticks || "family"}]`;
  const ticks = () => [...(form()?.querySelectorAll(named(form())) || [])];
  let last = null;
  let kept = [];

  /* A list that follows the news is drawn anew: what was ticked stays ticked. */
  function keep(event) {
    if (event.detail.target?.querySelector?.("form[data-ticks]")) kept = ticks().filter((tick) => tick.checked).map((tick) => tick.value);
  }

  function putBack() {
    for (const tick of ticks()) if (kept.includes(tick.value)) tick.checked = true;
    kept = [];
    count();
  }

  function count() {
    const all = ticks();
    if (!all.length) return;
    const ticked = all.filter((tick) => tick.checked).length;
    const button = form().querySelector("[data-ticked]");
    button.disabled = !ticked;
    button.querySelector("[data-ticked-count]").textContent = ticked || "";
    const every = form().querySelector("[data-tick-all]");
    every.checked = ticked === all.length;
    every.indeterminate = ticked > 0 && ticked < all.length;
  }

  function stretch(tick) {
    const all = ticks();
    const [from, to] = [all.indexOf(last), all.indexOf(tick)].sort((one, other) => one - other);
    if (from >= 0) for (const between of all.slice(from, to + 1)) between.checked = tick.checked;
  }

  document.addEventListener("click", (event) => {
    const list = event.target.closest("form[data-ticks]");
    const tick = list && event.target.closest(named(list));
    if (!tick) return;
    if (event.shiftKey && last) stretch(tick);
    last = tick;
    count();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-tick-all]")) {
      for (const tick of ticks()) tick.checked = event.target.checked;
    }
    if (event.target.closest("form[data-ticks]")) count();
  });
  document.addEventListener("htmx:beforeSwap", keep);
  document.addEventListener("htmx:afterSettle", putBack);
  window.addEventListener("pageshow", count);
  count();
})();
