/* A family's page while it listens for news: it asks only while somebody looks, and keeps the reader's place. */
(() => {
  "use strict";

  const isLive = (element) => element instanceof Element && element.hasAttribute("data-live");
  let place = null;

  /* What stands at the top of the window, and how far down: news above it must not push it away. */
  function notePlace(region) {
    const open = [...region.querySelectorAll("details[open][id]")].map((element) => element.id);
    const cards = [...region.querySelectorAll("article[id]")];
    const first = scrollY > 0 ? cards.find((card) => card.getBoundingClientRect().bottom > 0) : null;
    place = { open, id: first?.id, top: first?.getBoundingClientRect().top };
  }

  function restorePlace() {
    if (!place) return;
    for (const id of place.open) document.getElementById(id)?.setAttribute("open", "");
    const card = place.id && document.getElementById(place.id);
    if (card) scrollBy({ top: card.getBoundingClientRect().top - place.top, behavior: "instant" });
    place = null;
  }

  /* A card that went into a newer one, which came as news, leaves the pages that were opened before. */
  function tidyTimeline() {
    for (const card of document.querySelectorAll("[data-live] [data-holds]")) {
      for (const pk of card.dataset.holds.split(" ")) document.getElementById(`interaction-${pk}`)?.remove();
    }
  }

  /* In a family of many one types a name. */
  function findPeople(event) {
    if (!event.target.matches("[data-find-people]")) return;
    const wanted = event.target.value.trim().toLocaleLowerCase();
    for (const row of event.target.closest("details").querySelectorAll("ul.contacts > li")) {
      row.hidden = !row.textContent.toLocaleLowerCase().includes(wanted);
    }
  }

  document.addEventListener("input", findPeople);
  document.addEventListener("htmx:afterSettle", tidyTimeline);
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isLive(event.detail.elt) && document.hidden) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.shouldSwap && isLive(event.detail.target)) notePlace(event.detail.target);
  });
  document.addEventListener("htmx:afterSwap", restorePlace);

  /* On a phone the table of consent would push the conversation away: it begins closed. */
  if (matchMedia("(max-width: 991px)").matches) document.querySelector("details.agreed")?.removeAttribute("open");
})();
