/* A clock that runs while one talks: started and stopped by its button, it fills in the minutes. */
(() => {
  "use strict";

  const running = new Map();
  /* What each clock has counted so far, and the minutes that it filled in for that. */
  const counted = new WeakMap();
  const face = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const since = (began) => Math.round((Date.now() - began) / 1000);

  function show(button, began) {
    const words = button.querySelector("[data-clock-face]");
    words.textContent = face(since(began));
  }

  /* It goes on from where it stopped, or from the minutes that somebody typed since. */
  function secondsSoFar(button) {
    const minutes = Number(document.getElementById(button.dataset.clock)?.value) || 0;
    const before = counted.get(button);
    return before?.minutes === minutes ? before.seconds : minutes * 60;
  }

  function start(button) {
    const began = Date.now() - secondsSoFar(button) * 1000;
    button.setAttribute("aria-label", button.dataset.stop);
    button.classList.add("running");
    show(button, began);
    const timer = setInterval(() => (button.isConnected ? show(button, began) : stopTimer(button)), 1000);
    running.set(button, { began, timer });
  }

  function stopTimer(button) {
    clearInterval(running.get(button)?.timer);
    running.delete(button);
  }

  function stop(button) {
    const { began } = running.get(button);
    stopTimer(button);
    button.setAttribute("aria-label", button.dataset.start);
    button.classList.remove("running");
    fill(button, began);
  }

  /* A call of some seconds is one minute: the field counts whole ones. */
  function fill(button, began) {
    const field = document.getElementById(button.dataset.clock);
    if (!field) return;
    const seconds = since(began);
    const minutes = Math.max(1, Math.round(seconds / 60));
    counted.set(button, { seconds, minutes });
    field.value = minutes;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-clock]");
    if (button) running.has(button) ? stop(button) : start(button);
  });
  /* Saving while it runs takes the time until now. */
  document.addEventListener("submit", (event) => {
    for (const button of running.keys()) {
      if (document.getElementById(button.dataset.clock)?.form === event.target) stop(button);
    }
  }, true);
})();
