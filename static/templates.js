/* The preview of an email stands in a frame of its own, which a form fills: strict rules hold for our own pages. */
(() => {
  "use strict";

  function showEmail() {
    const form = document.querySelector("[data-email-preview]");
    if (form?.elements.sealed.value) form.submit();
  }

  /* A test goes out for the family that is shown. */
  function rememberFamily(event) {
    const field = document.querySelector("[data-family]");
    if (field && event.target.name === "family") field.value = event.target.value;
  }

  document.addEventListener("change", rememberFamily);
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id === "template-preview") showEmail();
  });
  showEmail();
})();
