/* What htmx sends that changes something carries the page's token against forged requests: that of
   the form it was sent from or, where it was sent from none, of any form on the page. Its cookie
   cannot be read by scripts. */
"use strict";

document.addEventListener("htmx:configRequest", (event) => {
  const { verb, elt, headers } = event.detail;
  if (verb === "get") return;
  const form = elt.closest("form") || document;
  const token = form.querySelector("input[name=csrfmiddlewaretoken]") ||
    document.querySelector("input[name=csrfmiddlewaretoken]");
  if (token) headers["X-CSRFToken"] = token.value;
});
