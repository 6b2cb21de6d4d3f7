/* The admin in the same light as the pages: Django's own script keeps its choice to itself, this one shares the cookie. */
(() => {
  "use strict";
  const themes = ["auto", "light", "dark"];
  const chosen = () => {
    const found = document.cookie.split("; ").find((one) => one.startsWith("theme="));
    const theme = found ? found.slice("theme=".length) : "auto";
    return themes.includes(theme) ? theme : "auto";
  };
  const show = () => {
    document.documentElement.dataset.theme = chosen();
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".theme-toggle")) return;
    const next = themes[(themes.indexOf(chosen()) + 1) % themes.length];
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax${secure}`;
    show();
  });
  show();
})();
