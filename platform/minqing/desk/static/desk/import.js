/* The table appears below the chosen files, which stay chosen; without this file they are chosen a second time. */
(function () {
  "use strict";
  const form = document.querySelector("[data-import]");
  if (!form || !window.fetch || !window.DOMParser) return;
  form.addEventListener("submit", event => {
    const button = event.submitter;
    if (!button || button.value !== "look") return;
    event.preventDefault();
    const data = new FormData(form);
    data.append("then", "look");
    button.disabled = true;
    fetch(form.action, { method: "POST", body: data, credentials: "same-origin" })
      .then(answer => answer.text())
      .then(text => {
        const found = new DOMParser().parseFromString(text, "text/html").getElementById("result");
        if (!found) { location.reload(); return; }
        const result = document.getElementById("result");
        result.innerHTML = found.innerHTML;
        const again = result.querySelector(".again");
        if (again) again.remove();
        button.disabled = false;
      })
      .catch(() => { button.disabled = false; form.submit(); });
  });
})();
