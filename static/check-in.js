/* Check-in over a flaky line: each tap stays in the browser until the server has it, and goes out once, in order, from
   whichever page of the office is open. Without this script each tap is a form of its own. */
(() => {
  "use strict";

  const bar = document.getElementById("check-in");
  if (!bar) return;
  const KEY = `check-in ${document.body.dataset.user}`;
  const AGAIN_MS = 5000;
  const PATIENCE_MS = 15000;
  const UNNOTICED_MS = 1500;
  const ICONS = { attended: "circle-check", no_show: "circle-x", expected: "circle" };
  const cookie = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.split("=")[1];
  const people = () => document.getElementById("people");
  const found = () => document.getElementById("found");
  const isHere = (form) => people()?.contains(form) || found()?.contains(form);
  const listPath = () => (people() ?? found())?.dataset.checkIn;

  /* What waits, oldest first. Other windows of this browser share it; where it cannot be stored, this page keeps it all,
     for reading may go on to answer what stood there before. */
  let own = null;

  function waiting() {
    if (own) return own;
    try {
      return JSON.parse(localStorage.getItem(KEY)) ?? [];
    } catch {
      return [];
    }
  }

  function keep(taps) {
    try {
      if (taps.length) localStorage.setItem(KEY, JSON.stringify(taps));
      else localStorage.removeItem(KEY);
      own = null;
    } catch {
      // Storage is switched off or full: the taps last as long as the page, which says so.
      own = taps.length ? taps : null;
    }
    show();
  }

  const change = (id, work) => keep(waiting().map((tap) => (tap.id === id ? work(tap) : tap)));
  const drop = (id) => keep(waiting().filter((tap) => tap.id !== id));
  const newName = () => [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(36)).join("-");

  /* Taps */
  const pairs = (words) => Object.fromEntries(words.map((word) => word.split(":")));

  function wanted(form, button) {
    if (found()?.contains(form)) {
      return button?.name === "person" && button.value.endsWith(":attended") ? pairs([button.value]) : null;
    }
    if (people()?.contains(form)) {
      if (button?.name === "tick") return pairs([button.value]);
      if (button?.name !== "everyone") return null;
      const missing = [...form.querySelectorAll("button[name=tick][aria-pressed=false]")];
      return pairs(missing.map((one) => one.value));
    }
    const there = new URL(form.action, location.href);
    return there.pathname === listPath() && there.searchParams.has("tick") ? pairs(there.searchParams.getAll("tick")) : null;
  }

  /* Before the day of the event it asks, once a page. */
  let meant = false;

  function isMeant(ticks) {
    const question = (people() ?? found())?.dataset.early;
    if (!question || !Object.values(ticks).includes("attended")) return true;
    meant ||= confirm(question);
    return meant;
  }

  const nameOf = (button) => button?.dataset.name ?? button?.innerText.trim();

  /* A tap that nobody was told of yet is simply forgotten. */
  function takeBack(ticks) {
    const [member, ...others] = Object.keys(ticks);
    const last = waiting().findLast((tap) => tap.path === listPath() && member in tap.ticks);
    if (others.length || !last || last.tried) return false;
    const { [member]: _forgotten, ...rest } = last.ticks;
    if (Object.keys(rest).length) change(last.id, (tap) => ({ ...tap, ticks: rest }));
    else drop(last.id);
    return true;
  }

  function take(event) {
    const ticks = wanted(event.target, event.submitter);
    if (!ticks) return;
    event.preventDefault();
    event.stopPropagation();
    const fromList = isHere(event.target);
    if (!fromList) event.target.closest(".toasty")?.remove();
    if (!Object.keys(ticks).length || (fromList && takeBack(ticks)) || !isMeant(ticks)) return;
    const who = Object.keys(ticks).map((member) => nameOf(document.getElementById(`tick-${member}`)));
    const tap = { id: newName(), path: listPath(), at: Date.now(), ticks, who: who.filter(Boolean).join(", ") };
    keep([...waiting(), meant ? { ...tap, early: "yes" } : tap]);
    setTimeout(show, UNNOTICED_MS + 100);
    send();
  }

  /* Sending: one at a time; whatever is not answered stays and is tried again under its name. */
  let sending = false;
  let trouble = "";
  /* How long the last answer about a person was on its way: what was tapped after it must not seem made before it. */
  const late = new Map();

  async function send() {
    if (sending) return;
    sending = true;
    try {
      for (let [tap] = waiting(); tap && (await sendOne(tap)); [tap] = waiting());
    } finally {
      sending = false;
      show();
    }
  }

  async function sendOne(tap) {
    if (!navigator.onLine) return stop("lost");
    const tried = tap.tried ?? Date.now();
    change(tap.id, (one) => ({ ...one, tried }));
    const members = Object.keys(tap.ticks);
    const waited = Date.now() - tap.at - Math.max(0, ...members.map((member) => late.get(member) ?? 0));
    const body = new URLSearchParams({ tap: tap.id, waited: Math.max(0, waited / 1000).toFixed(3) });
    if (tap.early) body.append("early", tap.early);
    for (const tick of Object.entries(tap.ticks)) body.append("tick", tick.join(":"));
    let answer, text;
    try {
      const headers = { "HX-Request": "true", "X-CSRFToken": cookie("csrftoken") ?? "" };
      answer = await fetch(tap.path, { method: "POST", body, headers, keepalive: true, signal: AbortSignal.timeout(PATIENCE_MS) });
      text = await answer.text();
    } catch {
      return stop("lost");
    }
    if (answer.status === 403 || new URL(answer.url).pathname === document.body.dataset.login) return stop("signed-out");
    if (answer.status === 409 || answer.status === 429 || answer.status >= 500) return stop("failed");
    trouble = "";
    for (const member of members) late.set(member, Date.now() - tried);
    drop(tap.id);
    if (answer.ok) put(text, tap);
    else refuse(tap);
    return true;
  }

  function stop(why) {
    trouble = why;
    return false;
  }

  /* The answer: the family's row, where this page shows it, the numbers, and what was done. */
  function put(text, tap) {
    const template = document.createElement("template");
    template.innerHTML = text;
    const isOwn = tap.path === listPath();
    for (const part of template.content.querySelectorAll("[hx-swap-oob]")) {
      if (!document.getElementById(part.id) || !(isOwn || ["toast", "notices"].includes(part.id))) part.remove();
    }
    htmx.swap(bar, template.innerHTML, { swapStyle: "none" });
    if (isOwn && found()) htmx.trigger("#find", "search");
  }

  function refuse(tap) {
    const note = document.getElementById("check-in-refused").content.cloneNode(true);
    note.querySelector("p").append(` ${tap.who}`);
    document.getElementById("notices").prepend(note);
  }

  /* The page: what waits is shown as if it were done, and said to wait. */
  function paint(button, state, waits) {
    const use = button.querySelector("use");
    button.setAttribute("aria-pressed", String(state === "attended"));
    button.value = `${button.dataset.member}:${state === "attended" ? "expected" : "attended"}`;
    button.classList.toggle("away", state === "no_show");
    button.classList.toggle("waiting", waits);
    const sprite = document.getElementById(`here-${ICONS[state]}`) ? "#here-" : use.getAttribute("href").replace(/#.*/, "#");
    use.setAttribute("href", sprite + ICONS[state]);
  }

  /* The icons come into the page itself: without a line the sprite might not be there to be asked. */
  async function bringIcons() {
    const address = document.querySelector("use[href*='icons']")?.getAttribute("href").split("#")[0];
    if (!address) return;
    const sprite = new DOMParser().parseFromString(await (await fetch(address)).text(), "image/svg+xml");
    const home = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    home.setAttribute("hidden", "");
    for (const name of Object.values(ICONS)) {
      const symbol = document.importNode(sprite.getElementById(name), true);
      symbol.id = `here-${name}`;
      home.append(symbol);
    }
    document.body.append(home);
  }

  const isNoticed = (taps) =>
    taps.length > 0 && (trouble !== "" || own || !navigator.onLine || Date.now() - taps[0].at > UNNOTICED_MS);

  function show() {
    const taps = waiting();
    const asked = Object.assign({}, ...taps.filter((tap) => tap.path === listPath()).map((tap) => tap.ticks));
    for (const button of found()?.querySelectorAll("button[data-name]") ?? []) {
      const waits = button.value.split(":")[0] in asked;
      button.classList.toggle("waiting", waits);
      button.setAttribute("aria-pressed", String(waits));
    }
    for (const button of people()?.querySelectorAll("button[data-member]") ?? []) {
      const { member, state } = button.dataset;
      if (member in asked || button.classList.contains("waiting")) paint(button, asked[member] ?? state, member in asked);
    }
    bar.querySelector("[data-waiting]").textContent = taps.length;
    for (const words of bar.querySelectorAll("[data-why]")) words.hidden = words.dataset.why !== (trouble || "lost");
    bar.querySelector("[data-unkept]").hidden = !own;
    bar.hidden = !isNoticed(taps);
  }

  document.addEventListener("submit", take, true);
  addEventListener("online", send);
  addEventListener("offline", show);
  addEventListener("storage", show);
  addEventListener("beforeunload", (event) => {
    // Every page of the office sends what waits; other windows may be closed for good.
    if (isNoticed(waiting()) && (own || listPath())) event.preventDefault();
  });
  for (const name of ["afterSwap", "oobAfterSwap"]) document.addEventListener(`htmx:${name}`, show);
  setInterval(() => waiting().length && send(), AGAIN_MS);
  if (people()) bringIcons().then(show, show);
  show();
  send();
})();
