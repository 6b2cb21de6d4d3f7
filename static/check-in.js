/* Check-in over a flaky line: each tap stays in the browser until the server has it, and goes out once, in order.
   Without this script each tap is a form of its own. */
(() => {
  "use strict";

  const bar = document.getElementById("check-in");
  if (!bar) return;
  const { path, owner } = bar.dataset;
  const KEY = `check-in ${owner} ${path}`;
  const AGAIN_MS = 5000;
  const PATIENCE_MS = 15000;
  const UNNOTICED_MS = 1500;
  const ICONS = { attended: "circle-check", no_show: "circle-x", expected: "circle" };
  const cookie = (name) => document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.split("=")[1];
  const people = () => document.getElementById("people");

  /* What waits, oldest first. Other windows of this browser share it; where nothing can be stored, this page keeps it. */
  let own = [];

  function waiting() {
    try {
      return JSON.parse(localStorage.getItem(KEY)) ?? [];
    } catch {
      return own;
    }
  }

  function keep(taps) {
    own = taps;
    try {
      if (taps.length) localStorage.setItem(KEY, JSON.stringify(taps));
      else localStorage.removeItem(KEY);
    } catch {
      // Storage is switched off or full: the taps last as long as the page.
    }
    show();
  }

  const change = (id, work) => keep(waiting().map((tap) => (tap.id === id ? work(tap) : tap)));
  const drop = (id) => keep(waiting().filter((tap) => tap.id !== id));
  const newName = () => [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(36)).join("-");

  /* Taps */
  const pairs = (words) => Object.fromEntries(words.map((word) => word.split(":")));

  function wanted(form, button) {
    if (people()?.contains(form)) {
      if (button?.name === "tick") return pairs([button.value]);
      if (button?.name !== "everyone") return null;
      const missing = [...form.querySelectorAll("button[name=tick][aria-pressed=false]")];
      return pairs(missing.map((one) => one.value));
    }
    const there = new URL(form.action, location.href);
    return there.pathname === path && there.searchParams.has("tick") ? pairs(there.searchParams.getAll("tick")) : null;
  }

  /* A tap that nobody was told of yet is simply forgotten. */
  function takeBack(ticks) {
    const [member, ...others] = Object.keys(ticks);
    const last = waiting().findLast((tap) => member in tap.ticks);
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
    const fromList = people()?.contains(event.target);
    if (!fromList) event.target.closest(".toasty")?.remove();
    if (!Object.keys(ticks).length || (fromList && takeBack(ticks))) return;
    const who = Object.keys(ticks).map((member) => document.getElementById(`tick-${member}`)?.innerText.trim());
    keep([...waiting(), { id: newName(), at: Date.now(), ticks, who: who.filter(Boolean).join(", ") }]);
    setTimeout(show, UNNOTICED_MS + 100);
    send();
  }

  /* Sending: one at a time; whatever is not answered stays and is tried again under its name. */
  let sending = false;
  let trouble = "";

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
    change(tap.id, (one) => ({ ...one, tried: true }));
    const body = new URLSearchParams({ tap: tap.id, waited: Math.max(0, Math.round((Date.now() - tap.at) / 1000)) });
    for (const tick of Object.entries(tap.ticks)) body.append("tick", tick.join(":"));
    let answer, text;
    try {
      const headers = { "HX-Request": "true", "X-CSRFToken": cookie("csrftoken") ?? "" };
      answer = await fetch(path, { method: "POST", body, headers, keepalive: true, signal: AbortSignal.timeout(PATIENCE_MS) });
      text = await answer.text();
    } catch {
      return stop("lost");
    }
    if (answer.status === 403 || new URL(answer.url).pathname === document.body.dataset.login) return stop("signed-out");
    if (answer.status === 409 || answer.status === 429 || answer.status >= 500) return stop("failed");
    trouble = "";
    drop(tap.id);
    if (answer.ok) put(text);
    else refuse(tap);
    return true;
  }

  function stop(why) {
    trouble = why;
    return false;
  }

  /* The answer: the family's row, where this page shows it, the numbers, and what was done. */
  function put(text) {
    const template = document.createElement("template");
    template.innerHTML = text;
    for (const part of template.content.querySelectorAll("[hx-swap-oob]")) {
      if (!document.getElementById(part.id)) part.remove();
    }
    htmx.swap(bar, template.innerHTML, { swapStyle: "none" });
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
    taps.length > 0 && (trouble !== "" || !navigator.onLine || Date.now() - taps[0].at > UNNOTICED_MS);

  function show() {
    const taps = waiting();
    const asked = Object.assign({}, ...taps.map((tap) => tap.ticks));
    for (const button of people()?.querySelectorAll("button[data-member]") ?? []) {
      const { member, state } = button.dataset;
      if (member in asked || button.classList.contains("waiting")) paint(button, asked[member] ?? state, member in asked);
    }
    bar.querySelector("[data-waiting]").textContent = taps.length;
    for (const words of bar.querySelectorAll("[data-why]")) words.hidden = words.dataset.why !== (trouble || "lost");
    bar.hidden = !isNoticed(taps);
  }

  document.addEventListener("submit", take, true);
  addEventListener("online", send);
  addEventListener("offline", show);
  addEventListener("storage", show);
  addEventListener("beforeunload", (event) => {
    if (isNoticed(waiting())) event.preventDefault();
  });
  for (const name of ["afterSwap", "oobAfterSwap"]) document.addEventListener(`htmx:${name}`, show);
  setInterval(() => waiting().length && send(), AGAIN_MS);
  bringIcons().then(show, show);
  send();
})();
