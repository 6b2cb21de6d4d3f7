/* The page on paper: the button asks the browser to print. */
(() => {
  "use strict";

  for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => print());
})();
