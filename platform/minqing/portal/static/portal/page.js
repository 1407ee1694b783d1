/* Small conveniences; every page works without this file. */
(function () {
  "use strict";
  const each = (selector, act) => Array.prototype.forEach.call(document.querySelectorAll(selector), act);

  // Large text at once, without leaving the page: nobody loses what they have typed.
  each("[data-size-switch]", form => form.addEventListener("submit", event => {
    event.preventDefault();
    const root = document.documentElement, button = form.querySelector("button");
    const large = root.getAttribute("data-size") !== "large";
    if (large) root.setAttribute("data-size", "large"); else root.removeAttribute("data-size");
    document.cookie = "size=" + (large ? "large" : "") + "; path=/; SameSite=Lax; max-age=" + (large ? 31536000 : 0);
    button.value = large ? "normal" : "large";
    button.textContent = large ? button.dataset.normal : button.dataset.large;
  }));

  each("[data-copy]", button => {
    button.hidden = false;
    button.addEventListener("click", () => {
      const source = document.getElementById(button.dataset.copy), range = document.createRange(), chosen = getSelection();
      range.selectNodeContents(source); chosen.removeAllRanges(); chosen.addRange(range);
      if (document.execCommand("copy")) button.textContent = button.dataset.done;
      chosen.removeAllRanges();
    });
  });
  each("[data-print]", button => { button.hidden = false; button.addEventListener("click", () => print()); });
  each("[data-leave]", link => link.addEventListener("click", event => { event.preventDefault(); location.replace(link.href); }));

  each("[data-submit-once]", form => form.addEventListener("submit", event => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  }));
  window.addEventListener("pageshow", () => each("[data-sent]", form => { delete form.dataset.sent; }));
  const heading = document.querySelector("[data-announce]");
  if (heading) heading.focus();
})();
