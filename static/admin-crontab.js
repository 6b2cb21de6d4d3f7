/* Says a chosen crontab in words, as django-celery-beat's own inline script would. */
(() => {
  "use strict";
  const told = document.getElementById("readable-crontabs");
  const select = document.getElementById("id_crontab");
  const help = document.querySelector(".field-crontab .help");
  if (!told || !select || !help) return;
  const words = JSON.parse(told.textContent);
  const first = help.textContent.trim();
  const say = () => {
    help.textContent = words[select.value] ? `${first} ${words[select.value]}` : first;
  };
  document.querySelector(".field-crontab_translation")?.remove();
  select.addEventListener("change", say);
  say();
})();
