/* What somebody types into a page's form outlives a log-in that ran out: it is kept while the form is on its way,
   and put back after signing in. Drawers and calls stay on the screen and need none of this. */
(() => {
  "use strict";

  const KEY = "draft";
  const KEPT_MS = 60 * 60 * 1000;
  const { user } = document.body.dataset;
  const cookie = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.split("=")[1];
  const where = (address) => new URL(address, location.href).pathname + new URL(address, location.href).search;
  const isTyped = (field) =>
    field.name && !field.disabled && !["hidden", "submit", "button", "image", "reset"].includes(field.type);
  const isSecret = (field) => ["password", "file"].includes(field.type);

  function read() {
    try {
      const draft = JSON.parse(sessionStorage.getItem(KEY));
      return draft && Date.now() - draft.at < KEPT_MS ? draft : null;
    } catch {
      return null;
    }
  }

  function write(draft) {
    try {
      if (draft) sessionStorage.setItem(KEY, JSON.stringify(draft));
      else sessionStorage.removeItem(KEY);
    } catch {
      // Storage is switched off or full: then a form is kept as browsers keep it.
    }
  }

  function keep(form) {
    const fields = [...form.elements].filter((field) => isTyped(field) && !isSecret(field));
    if (!fields.length || [...form.elements].some((field) => field.type === "password")) return write(null);
    // Hidden fields go along: they say what the typist had before them. The token of the session does not.
    const told = [...new FormData(form)].filter(([name, value]) => typeof value === "string" && name !== "csrfmiddlewaretoken");
    const names = [...new Set(fields.map((field) => field.name))];
    write({ user, at: Date.now(), action: where(form.action), page: where(location.href), names, told, lost: false });
  }

  function submit(event) {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || !user) return;
    if (!navigator.onLine) return refuse(event);
    const token = form.elements.namedItem("csrfmiddlewaretoken");
    if (token && cookie("csrftoken")) token.value = cookie("csrftoken");
    keep(form);
  }

  /* Without a line the browser would leave the page for one of its own. */
  function refuse(event) {
    event.preventDefault();
    document.querySelector("#notices [data-note]")?.remove();
    const note = document.getElementById("note-lost").content.cloneNode(true);
    const { target: form, submitter } = event;
    note.querySelector("[data-retry]").addEventListener("click", () => form.requestSubmit(submitter));
    show(note);
  }

  function show(note) {
    const home = document.getElementById("notices");
    home?.prepend(note);
    home?.scrollIntoView({ block: "nearest" });
  }

  function fill(form, told) {
    const left = told.map(([name, value]) => ({ name, value }));
    const takeFor = (field, fits) => {
      const found = left.findIndex((one) => one.name === field.name && fits(one.value));
      return found < 0 ? null : left.splice(found, 1)[0].value;
    };
    for (const field of form.elements) {
      if (!field.name || isSecret(field) || !(isTyped(field) || field.type === "hidden") || field.name === "csrfmiddlewaretoken") continue;
      if (["checkbox", "radio"].includes(field.type)) field.checked = takeFor(field, (value) => value === field.value) !== null;
      else if (field.type === "select-multiple") {
        for (const option of field.options) option.selected = takeFor(field, (value) => value === option.value) !== null;
      } else field.value = takeFor(field, () => true) ?? field.value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }

  function putBack(draft) {
    const home = [...document.forms].find(
      (form) => form.method === "post" && where(form.action) === draft.action && draft.names.every((name) => form.elements.namedItem(name)),
    );
    const note = document.getElementById(home ? "note-put-back" : "note-go-back").content.cloneNode(true);
    if (home) {
      fill(home, draft.told);
      write(null);
    } else {
      note.querySelector("[data-go-back]").href = draft.page;
    }
    show(note);
  }

  /* Whoever comes back to a page of the house without having signed in has had an answer: nothing was lost. */
  const draft = read();
  if (draft && !user) write({ ...draft, lost: true });
  else if (draft?.lost && draft.user === user) putBack(draft);
  else if (draft) write(null);

  document.addEventListener("submit", submit);
})();
