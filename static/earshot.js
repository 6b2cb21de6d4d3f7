/* Earshot's own script: what HTML, CSS and HTMX cannot do alone. Every page works without it.
   No inline code, no eval: it runs under a strict Content-Security-Policy. */
(() => {
  "use strict";

  const byId = (id) => document.getElementById(id);
  const cookie = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.split("=")[1];

  /* Theme: the cookie is the only memory, so that the server can paint the first frame. */
  const themes = ["auto", "light", "dark"];
  const device = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => (themes.includes(cookie("theme")) ? cookie("theme") : "auto");

  function paintTheme() {
    const choice = theme();
    document.documentElement.dataset.bsTheme = choice === "auto" ? (device.matches ? "dark" : "light") : choice;
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.setAttribute("aria-label", button.dataset[choice]);
    }
    for (const button of document.querySelectorAll("[data-theme-set]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeSet === choice));
    }
  }

  function chooseTheme(choice) {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `theme=${choice}; path=/; max-age=31536000; samesite=lax${secure}`;
    paintTheme();
  }

  function forgetVendorTheme() {
    // Tabler's script keeps ?theme=… in local storage, where it would outvote the cookie for good.
    try {
      localStorage.removeItem("tabler-theme");
    } catch {
      // Storage is switched off: then there is nothing to forget.
    }
  }

  /* Drawer: opened by HTMX, closed here; focus goes in and comes back. */
  const drawer = byId("drawer");
  const drawerIsOpen = () => Boolean(drawer?.childElementCount);
  let opener = null;
  let wasOpen = false;

  function closeDrawer() {
    if (!drawer) return;
    drawer.replaceChildren();
    wasOpen = false;
    // What was chosen in a menu is out of sight once the menu is shut.
    const menu = opener?.closest("details.menu:not([open])");
    if (opener?.isConnected) (menu ? menu.querySelector("summary") : opener).focus();
    opener = null;
  }

  /* Somebody wants it closed: what was typed in it asks first. */
  function leaveDrawer() {
    const told = { cancelable: true, detail: { region: drawer } };
    if (document.dispatchEvent(new CustomEvent("leave", told))) closeDrawer();
  }

  function enterDrawer() {
    const heading = drawer.querySelector("h1, h2");
    if (!heading) return;
    heading.id = heading.id || "drawer-title";
    drawer.setAttribute("aria-labelledby", heading.id);
    heading.tabIndex = -1;
    heading.focus();
  }

  function focusErrors(scope) {
    const errors = [...scope.querySelectorAll(".errors")].find((element) => !("seen" in element.dataset));
    if (!errors) return false;
    errors.dataset.seen = "";
    errors.focus();
    return true;
  }

  function settle(event) {
    // An answer that leaves the drawer without an element in it means: done, close.
    if (!drawerIsOpen() && (wasOpen || drawer?.hasChildNodes())) closeDrawer();
    wasOpen = drawerIsOpen();
    const wanted = document.querySelector("[data-focus]");
    if (focusErrors(document)) return;
    if (wanted) {
      wanted.removeAttribute("data-focus");
      if (!wanted.matches("a, button, input, select, textarea")) wanted.tabIndex = -1;
      wanted.focus();
    } else if (event.detail.target === drawer && drawerIsOpen()) {
      enterDrawer();
    }
  }

  /* Toasts leave by themselves, but not while somebody reads or tabs through them. */
  function timeToast(toast) {
    let timer;
    const stop = () => clearTimeout(timer);
    const start = () => {
      stop();
      if (!toast.matches(":hover, :focus-within")) timer = setTimeout(() => toast.remove(), 10000);
    };
    toast.dataset.timed = "";
    for (const name of ["mouseenter", "focusin"]) toast.addEventListener(name, stop);
    for (const name of ["mouseleave", "focusout"]) toast.addEventListener(name, () => setTimeout(start));
    start();
  }

  const timeToasts = () => document.querySelectorAll(".toasty:not([data-timed])").forEach(timeToast);

  /* When a request fails: say so where it happened, keep what was typed, offer the same again. */
  const notes = new WeakMap();

  function noteHome(element, target) {
    const marked = target?.closest("[data-lost-connection]") || element.closest("[data-lost-connection]");
    if (marked) return marked;
    return drawerIsOpen() && (drawer.contains(element) || target === drawer) ? drawer : byId("notices");
  }

  function tryAgain(element, note, button) {
    note.remove();
    if (element instanceof HTMLFormElement) element.requestSubmit(button?.isConnected ? button : null);
    else element.click();
  }

  function showNote(kind, event) {
    const { target, requestConfig } = event.detail;
    // An event before a swap names the target as its element.
    const element = requestConfig?.elt || event.detail.elt;
    const byPerson = Boolean(requestConfig?.triggeringEvent?.isTrusted) || element instanceof HTMLFormElement;
    // A poll that fails has lost nothing; that one is signed out is said once.
    if (!byPerson && (kind !== "signed-out" || document.querySelector("[data-note]"))) return;
    const home = noteHome(element, target);
    // A form with a token may be sent again without a thought.
    const once = kind === "lost" && element.querySelector("input[name=token]");
    const template = byId(once ? "note-lost-once" : `note-${kind}`);
    if (!home || !template) return;
    const note = template.content.cloneNode(true).querySelector("[data-note]");
    const retry = note.querySelector("[data-retry]");
    if (byPerson) retry?.addEventListener("click", () => tryAgain(element, note, requestConfig?.triggeringEvent?.submitter));
    else retry?.remove();
    notes.get(element)?.remove();
    notes.set(element, note);
    const header = home === drawer ? drawer.querySelector(":scope > header") : null;
    if (header) header.after(note);
    else home.prepend(note);
    note.scrollIntoView({ block: "nearest" });
  }

  /* A session that has ended answers with the log-in page, which must not land inside a page. */
  const isLogin = (xhr) =>
    Boolean(xhr?.responseURL) && new URL(xhr.responseURL).pathname === document.body.dataset.login;

  function refuseLogin(event) {
    if (!isLogin(event.detail.xhr)) return;
    event.detail.shouldSwap = false;
    showNote("signed-out", event);
  }

  function answered(event) {
    const { elt: element, successful, xhr } = event.detail;
    if ((successful || xhr?.status === 422) && !isLogin(xhr)) notes.get(element)?.remove();
  }

  function freshToken(event) {
    // After signing in again in another tab the page's own token is stale; the cookie never is.
    const token = cookie("csrftoken");
    if (!token || event.detail.verb === "get") return;
    event.detail.headers["X-CSRFToken"] = token;
    if (event.detail.parameters.csrfmiddlewaretoken) event.detail.parameters.csrfmiddlewaretoken = token;
  }

  /* The pressed button waits with its request, also where it stands outside its form. */
  const pressed = new WeakMap();

  function hold(event) {
    const element = event.detail.elt;
    // Live numbers rest while nobody looks.
    if (document.hidden && "live" in element.dataset) return event.preventDefault();
    if ("whileShown" in element.dataset && !element.parentElement?.offsetParent) return event.preventDefault();
    if (event.detail.target === drawer && !drawer.contains(element)) opener = element;
    const button = event.detail.requestConfig.triggeringEvent?.submitter;
    if (!button || button.disabled) return;
    pressed.set(event.detail.xhr, { button, focused: document.activeElement === button });
    button.disabled = true;
    button.classList.add("htmx-request");
  }

  // A second click on a button that rests lands on its list or on main, which can be focused.
  const lostFocus = () => [document.body, byId("main")].includes(document.activeElement);

  function release(event) {
    const held = pressed.get(event.detail.xhr);
    if (!held) return;
    held.button.disabled = false;
    held.button.classList.remove("htmx-request");
    // A button that was swapped out comes back under its own id.
    const button = held.button.isConnected ? held.button : held.button.id && byId(held.button.id);
    if (held.focused && lostFocus() && button) button.focus();
  }

  /* News of others may replace the row that somebody is in: the focus stays where it was. */
  let focusedBefore = "";

  function rememberFocus(event) {
    focusedBefore = event.detail.target?.contains(document.activeElement) ? document.activeElement.id : "";
  }

  function restoreFocus() {
    if (focusedBefore && document.activeElement === document.body) byId(focusedBefore)?.focus({ preventScroll: true });
    focusedBefore = "";
  }

  /* Keys */
  const isTyping = (element) => element.isContentEditable || element.matches("input, textarea, select");

  function submitByKey(event) {
    const form = event.target.form || event.target.closest("form");
    if (!form || !(drawer?.contains(form) || form.hasAttribute("data-ctrl-enter"))) return;
    const button = [...form.elements].find((field) => field.type === "submit" && !field.disabled);
    event.preventDefault();
    form.requestSubmit(button);
  }

  /* A menu closes on Esc, on a click elsewhere, and once something in it is chosen. */
  const openMenus = () => [...document.querySelectorAll("details.menu[open]")];

  function closeMenus(event) {
    for (const menu of openMenus()) {
      if (!menu.contains(event.target) || event.target.closest("a, button")) menu.open = false;
    }
  }

  function escapeMenu() {
    const [menu] = openMenus();
    if (!menu) return false;
    menu.open = false;
    menu.querySelector("summary").focus();
    return true;
  }

  function press(event) {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === "Escape" && escapeMenu()) return;
    if (event.key === "Escape" && drawerIsOpen() && !document.querySelector("dialog[open]")) {
      leaveDrawer();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      submitByKey(event);
    } else if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target)) {
      const search = document.querySelector("[data-search]");
      if (!search?.offsetParent) return;
      event.preventDefault();
      search.focus();
      search.select();
    }
  }

  function click(event) {
    closeMenus(event);
    const toggle = event.target.closest("[data-theme-toggle]");
    const choice = event.target.closest("[data-theme-set]");
    if (toggle) chooseTheme(themes[(themes.indexOf(theme()) + 1) % themes.length]);
    if (choice) chooseTheme(choice.dataset.themeSet);
    if (event.target.closest("[data-close-drawer]") && drawerIsOpen()) {
      event.preventDefault();
      leaveDrawer();
    }
  }

  forgetVendorTheme();
  paintTheme();
  device.addEventListener("change", paintTheme);
  document.addEventListener("click", click);
  document.addEventListener("keydown", press);
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details.find[open]")) event.target.querySelector("input").focus();
  }, true);

  const on = (name, handler) => document.addEventListener(`htmx:${name}`, handler);
  on("configRequest", freshToken);
  on("beforeRequest", hold);
  on("afterRequest", release);
  on("afterRequest", answered);
  on("beforeSwap", refuseLogin);
  on("afterSettle", settle);
  on("afterSettle", timeToasts);
  on("oobAfterSwap", timeToasts);
  on("oobBeforeSwap", rememberFocus);
  on("oobAfterSwap", restoreFocus);
  on("sendError", (event) => showNote("lost", event));
  on("timeout", (event) => showNote("lost", event));
  // A gateway that gave up waiting knows no more than a line that broke; refused without the cookie that says the
  // form is ours, the same again cannot help.
  on("responseError", (event) => {
    const status = event.detail.xhr.status;
    const stale = status === 403 && !cookie("csrftoken");
    showNote([502, 504].includes(status) ? "lost" : stale ? "stale" : "failed", event);
  });
  document.addEventListener("closeDrawer", closeDrawer);
  focusErrors(document);
  timeToasts();
})();
