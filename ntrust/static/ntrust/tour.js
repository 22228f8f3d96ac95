/* The first look at a page, in the training copy only: a few sentences, each beside what it is about.

   It is part of the page, not in front of it: everything stays usable. Once closed it stays closed for
   this person in this browser; the link at the end of the page brings it back. */
"use strict";

(() => {
  const tour = document.querySelector("[data-tour]");
  if (!tour) return;
  const key = `ntrust-tour:${tour.dataset.for}:${tour.dataset.tour}`;
  const target = (step) => document.querySelector(step.dataset.at);
  const steps = [...tour.querySelectorAll("li")].filter(target);
  const [back, next, close] = ["back", "next", "close"]
    .map((name) => tour.querySelector(`[data-tour-${name}]`));
  const count = tour.querySelector("[data-tour-count]");
  let at = 0;

  const remember = (word) => { try { localStorage.setItem(key, word); } catch { /* then not */ } };
  const remembered = () => { try { return localStorage.getItem(key); } catch { return null; } };
  const unmark = () => document.querySelectorAll(".tour-at")
    .forEach((each) => each.classList.remove("tour-at"));

  const show = () => {
    unmark();
    steps.forEach((step, n) => { step.hidden = n !== at; });
    count.textContent = `${at + 1} of ${steps.length}`;
    back.disabled = at === 0;
    next.textContent = at + 1 === steps.length ? "Done" : "Next";
    target(steps[at]).classList.add("tour-at");
  };

  const end = () => {
    unmark();
    tour.hidden = true;
    remember("seen");
    again.hidden = false;
    document.getElementById("content").focus();
  };

  const begin = () => {
    at = 0;
    tour.hidden = false;
    again.hidden = true;
    show();
  };

  const again = document.createElement("button");
  again.type = "button";
  again.className = "link tour-again";
  again.textContent = "Show the tour of this page";
  again.hidden = true;
  again.addEventListener("click", () => {
    begin();
    document.getElementById("tour-title").focus();
  });
  document.getElementById("content").append(again);

  back.addEventListener("click", () => { at -= 1; show(); });
  next.addEventListener("click", () => {
    if (at + 1 === steps.length) end();
    else { at += 1; show(); }
  });
  close.addEventListener("click", end);
  tour.addEventListener("keydown", (event) => { if (event.key === "Escape") end(); });

  if (steps.length === 0) return;
  if (remembered()) again.hidden = false;
  else begin();
})();
