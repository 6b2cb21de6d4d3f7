/* Ticks of a list: all that are shown at once, a stretch with Shift, and how many there are. What is ticked stays so
   while the list is filtered, sorted or turned over, in this tab, until something was done with it. A list without a
   line that says so (`data-ticks-kept`) keeps its ticks only while it is drawn anew. */
(() => {
  "use strict";

  const MOST = 5000;
  const form = () => document.querySelector("form[data-ticks]");
  const name = () => form()?.dataset.ticks || "family";
  const STORE = `ticks-${document.body.dataset.user}-${name()}`;
  const ticks = () => [...(form()?.querySelectorAll(`input[type=checkbox][name=${name()}]`) || [])];
  const elsewhere = () => form()?.querySelector("[data-ticked-elsewhere]");
  const chosen = new Set(read());
  let last = null;

  function read() {
    if (!document.querySelector("[data-ticks-kept]")) return [];
    try {
      return JSON.parse(sessionStorage.getItem(STORE)) || [];
    } catch {
      return [];
    }
  }

  function keep() {
    if (!document.querySelector("[data-ticks-kept]")) return;
    try {
      sessionStorage.setItem(STORE, JSON.stringify([...chosen]));
    } catch {
      // A browser without room keeps them for this page only.
    }
  }

  function choose(tick) {
    if (tick.checked && chosen.size >= MOST) tick.checked = false;
    if (tick.checked) chosen.add(tick.value);
    else chosen.delete(tick.value);
  }

  function forget() {
    chosen.clear();
    keep();
    show();
  }

  /* What is ticked and not shown goes along unseen, and is said. */
  function carry(unseen) {
    elsewhere()?.replaceChildren(...unseen.map((value) => {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name: name(), value });
      return input;
    }));
    const said = document.querySelector("[data-ticks-kept]");
    if (!said) return;
    said.hidden = !unseen.length;
    said.querySelector("[data-ticks-all]").textContent = chosen.size;
    said.querySelector("[data-ticks-unseen]").textContent = unseen.length;
  }

  function show() {
    const all = ticks();
    for (const tick of all) tick.checked = chosen.has(tick.value);
    const shown = new Set(all.map((tick) => tick.value));
    if (!elsewhere() && form()) for (const value of chosen) if (!shown.has(value)) chosen.delete(value);
    carry([...chosen].filter((value) => !shown.has(value)));
    if (!all.length) return;
    const ticked = all.filter((tick) => tick.checked).length;
    const button = form().querySelector("[data-ticked]");
    button.disabled = !chosen.size;
    button.querySelector("[data-ticked-count]").textContent = chosen.size || "";
    const every = form().querySelector("[data-tick-all]");
    every.checked = ticked === all.length;
    every.indeterminate = ticked > 0 && ticked < all.length;
  }

  function changed(some) {
    some.forEach(choose);
    keep();
    show();
  }

  function stretch(tick) {
    const all = ticks();
    const [from, to] = [all.indexOf(last), all.indexOf(tick)].sort((one, other) => one - other);
    if (from < 0) return [tick];
    const between = all.slice(from, to + 1);
    for (const one of between) one.checked = tick.checked;
    return between;
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-untick]")) return forget();
    const tick = event.target.closest("form[data-ticks]") && event.target.closest(`input[type=checkbox][name=${name()}]`);
    if (!tick) return;
    changed(event.shiftKey && last ? stretch(tick) : [tick]);
    last = tick;
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-tick-all]")) return;
    for (const tick of ticks()) tick.checked = event.target.checked;
    changed(ticks());
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    // What was to be done with them is done: the answer leads to the list.
    const { elt, xhr } = event.detail;
    const ours = elt.closest("#drawer") && elt.querySelector(`[type=hidden][name=${name()}]`);
    if (ours && xhr.getResponseHeader("HX-Redirect")) forget();
  });
  document.addEventListener("htmx:afterSettle", show);
  window.addEventListener("pageshow", show);
  show();
})();
