/* Typed text is never lost without a question: a form that was touched, or refused, is guarded until it is saved.
   What a person does asks first; what happens by itself waits until the form is saved or left. */
(() => {
  "use strict";

  const { user, leave: question } = document.body.dataset;
  if (!user) return;
  const PASSING_MS = 1000;
  const touched = new WeakSet();
  let passing = false;

  function differs(field) {
    if (!field.name || ["hidden", "submit", "button", "image", "reset", "fieldset", "output"].includes(field.type)) return false;
    if (["checkbox", "radio"].includes(field.type)) return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") {
      const chosen = [...field.options].some((option) => option.defaultSelected);
      return chosen ? [...field.options].some((option) => option.selected !== option.defaultSelected) : field.selectedIndex > 0;
    }
    return field.value !== field.defaultValue;
  }

  const isUnsaved = (form) =>
    form.method === "post" && !("unguarded" in form.dataset) &&
    ((touched.has(form) && [...form.elements].some(differs)) || "unsaved" in form.dataset || Boolean(form.querySelector(".errors")));

  /* The forms within a region that would be lost to somebody else's doing: a form may replace itself. */
  const endangered = (region, doer = null) =>
    [...document.forms].filter((form) => region.contains(form) && !form.contains(doer) && isUnsaved(form));

  /* A script may click for somebody, as the palette does at Enter; a poll or an event of our own is no person. */
  const byPerson = (event) => ["click", "submit", "change", "input", "keyup", "search"].includes(event?.type);

  /* A page that is left on purpose is not asked about twice. */
  function pass() {
    passing = true;
    setTimeout(() => { passing = false; }, PASSING_MS);
  }

  function touch(event) {
    if (event.target.form) touched.add(event.target.form);
  }

  function ask(event) {
    if (!confirm(question)) event.preventDefault();
  }

  function leaveByLink(event) {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || link.target === "_blank") return;
    const there = new URL(link.href, location.href);
    const stays = there.hash && there.href.split("#")[0] === location.href.split("#")[0];
    if (stays || !endangered(document).length) return;
    // To dial a number or to fetch a file does not leave the page, though browsers tell it as if it did.
    if (!/^https?:$/.test(there.protocol) || link.hasAttribute("download")) return pass();
    ask(event);
    if (!event.defaultPrevented) pass();
  }

  function leaveByForm(event) {
    if (event.defaultPrevented || event.target.method === "dialog") return;
    if (endangered(document, event.target).length) ask(event);
    if (!event.defaultPrevented) pass();
  }

  function replace(event) {
    const { elt, target, triggeringEvent } = event.detail;
    if (byPerson(triggeringEvent) && target && endangered(target, elt).length) ask(event);
  }

  function swap(event) {
    const { target, requestConfig } = event.detail;
    if (!byPerson(requestConfig?.triggeringEvent) && endangered(target, requestConfig?.elt).length) event.detail.shouldSwap = false;
  }

  function move(event) {
    const { xhr, requestConfig } = event.detail;
    if (!["HX-Refresh", "HX-Redirect", "HX-Location"].some((name) => xhr.getResponseHeader(name))) return;
    if (!endangered(document, requestConfig.elt).length) return pass();
    if (!byPerson(requestConfig.triggeringEvent)) event.preventDefault();
  }

  document.addEventListener("input", touch);
  document.addEventListener("change", touch);
  document.addEventListener("click", leaveByLink);
  document.addEventListener("submit", leaveByForm);
  document.addEventListener("leave", (event) => {
    if (endangered(event.detail.region).length) ask(event);
  });
  document.addEventListener("htmx:confirm", replace);
  document.addEventListener("htmx:beforeOnLoad", move);
  document.addEventListener("htmx:beforeSwap", swap);
  addEventListener("beforeunload", (event) => {
    if (!passing && endangered(document).length) event.preventDefault();
  });
})();
