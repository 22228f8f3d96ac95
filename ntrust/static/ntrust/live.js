/* Keeps an open page up to date.

   The page hears that its study has reached a newer revision, and fetches its marked parts again:
   an element with data-live="name" takes the study's part of that name, and all of these come in one
   answer; one with an empty data-live and an id takes the element of that id from the page itself.
   What it hears names the study and the revision only; what it fetches is fetched with the rights of
   whoever looks.

   What is wrong with the queue comes along with the parts, and its words with the revision.

   Hints come as server-sent events. Where there are none, the revision is asked for every few
   seconds. A page that has heard nothing for a while says so. Only a page that is in sight listens. */
"use strict";

(() => {
  const line = document.getElementById("live-line");
  const parts = () => [...document.querySelectorAll("[data-live]")];
  if (!line || parts().length === 0) return;

  const words = document.getElementById("live-words");
  const stale = document.getElementById("live-stale");
  const heardAt = document.getElementById("live-heard-at");
  const why = document.getElementById("live-why");
  const news = document.getElementById("live-news");
  const queue = document.getElementById("queue-news");
  const setting = (name) => Number(line.dataset[name]) * 1000;
  const STALE = setting("stale");
  const POLL = setting("poll");
  const JITTER = 1000;
  const REFRESH = 60000;
  const LONGEST = 30000;
  // The server's time, not this machine's.
  const offset = Date.parse(line.dataset.at) - Date.now();

  let shown = Number(line.dataset.revision);
  let known = shown;
  let heard = Date.now();
  let current = heard;
  let isPlanned = false;
  let fetched = Date.now();
  let source = null;
  let tries = 0;
  let ended = "";
  let isFetching = false;
  const timers = {};

  const soon = (name, milliseconds, run) => {
    clearTimeout(timers[name]);
    timers[name] = setTimeout(run, milliseconds);
  };
  // So that two hundred boards do not all come at once.
  const spread = (milliseconds) => milliseconds * (0.5 + Math.random());
  const clock = (moment) => new Date(moment + offset).toISOString().slice(11, 16);

  const show = () => {
    const isStale = ended !== "" || !navigator.onLine || Date.now() - heard > STALE;
    const state = isStale ? "not live" : source && source.heard ? "live" : "checked every few seconds";
    const text = `as of ${clock(current)} UTC · ${state}`;
    if (words.textContent !== text) words.textContent = text;
    line.dataset.state = isStale ? "stale" : state === "live" ? "live" : "asking";
    heardAt.textContent = clock(heard);
    why.textContent = ended || (navigator.onLine
      ? "The service is being tried again by itself."
      : "This device is offline: nothing can be sent until it is back. Leave the page open.");
    if (stale.hidden === isStale) stale.hidden = !isStale;
  };

  const end = (sentence) => {
    ended = sentence;
    hang_up();
    Object.values(timers).forEach(clearTimeout);
    show();
  };

  const hear = (revision) => {
    heard = Date.now();
    if (revision > known) known = revision;
    if (known > shown) plan(Math.random() * JITTER);
    else current = heard;
    show();
  };

  const plan = (milliseconds) => {
    if (isPlanned) return;
    isPlanned = true;
    setTimeout(() => { isPlanned = false; refresh(); }, milliseconds);
  };

  /* Fetch, and say why it cannot go on when the log-in or the role has ended. */
  const ask = async (address) => {
    const answer = await fetch(address, {
      headers: { "X-Ntrust-Live": "1" }, credentials: "same-origin", cache: "no-store",
      signal: AbortSignal.timeout(15000),
    });
    if (answer.redirected || answer.status === 401) {
      end("You are logged out. Log in again to go on.");
      return null;
    }
    if (answer.status === 404 || answer.status === 403) {
      end("This is not yours to see any more. Reload the page.");
      return null;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    return answer;
  };

  const ask_revision = async () => {
    try {
      const answer = await ask(line.dataset.ask);
      if (answer) {
        const said = await answer.json();
        hear(said.revision);
        if ((said.news || "") !== said_of_queue()) plan(Math.random() * JITTER);
      }
    } catch { /* the banner tells of it when it lasts */ }
    if (!ended && !document.hidden && !(source && source.heard)) {
      soon("poll", spread(POLL), ask_revision);
    }
  };

  const said_of_queue = () => {
    const said = queue && queue.querySelector("[data-said]");
    return said ? said.dataset.said : "";
  };

  /* Say what is wrong with the queue, or no more; what stays the same is left alone. */
  const tell_of_queue = (fresh) => {
    const words = (element) => (element ? element.textContent.replace(/\s+/g, " ").trim() : "");
    if (!queue || words(fresh) === words(queue)) return;
    queue.replaceChildren(...(fresh ? document.importNode(fresh, true).childNodes : []));
  };

  const hang_up = () => {
    if (source) source.close();
    source = null;
  };

  const listen = () => {
    hang_up();
    if (!window.EventSource) return;
    const mine = new EventSource(line.dataset.hints);
    source = mine;
    mine.addEventListener("hint", (event) => {
      if (mine !== source) return;
      mine.heard = true;
      tries = 0;
      clearTimeout(timers.poll);
      hear(JSON.parse(event.data).revision);
    });
    mine.addEventListener("error", () => { if (mine === source) fail(); });
  };

  /* Ask instead, and listen again later: each time later. */
  const fail = () => {
    hang_up();
    tries += 1;
    soon("listen", spread(Math.min(LONGEST, 500 * 2 ** tries)), listen);
    soon("poll", spread(500), ask_revision);
    show();
  };

  const start = () => {
    if (ended) return;
    if (document.hidden) {
      hang_up();
      Object.values(timers).forEach(clearTimeout);
      return;
    }
    listen();
    soon("poll", spread(POLL), ask_revision);
    soon("tick", 1000, tick);
    if (Date.now() - heard > POLL) ask_revision();
  };

  const tick = () => {
    soon("tick", 1000, tick);
    // Hours since, and minutes left, move on without a change of the study.
    if (Date.now() - fetched > REFRESH) plan(Math.random() * JITTER);
    // A line that is open and silent is dead.
    if (source && Date.now() - heard > STALE) fail();
    show();
  };

  /* Fetch every part; then nothing older than what was known at the start is on the page. */
  const refresh = async () => {
    if (isFetching || ended || document.hidden) return;
    isFetching = true;
    fetched = Date.now();
    const wanted = known;
    try {
      const before = shown;
      const all = parts();
      const names = [...new Set(all.map((part) => part.dataset.live).filter(Boolean))];
      const made = names.length ? await fetch_page(`${line.dataset.hints}parts/${names.join()}/`) : null;
      const page = all.some((part) => !part.dataset.live) ? await fetch_page(location.href) : null;
      if (made) tell_of_queue(made.querySelector('[data-part="queue"]'));
      else if (page) tell_of_queue(page.getElementById("queue-news"));
      const done = ended ? [false] : all.map((part) => renew(part, made, page));
      if (done.every(Boolean)) {
        shown = Math.max(shown, wanted);
        heard = Date.now();
        current = fetched;
        if (shown > before) news.textContent = `This page was updated at ${clock(heard)} UTC.`;
      }
    } catch { /* tried again below; the banner tells of it when it lasts */ }
    isFetching = false;
    if (known > shown && !ended) plan(known > wanted ? Math.random() * JITTER : spread(POLL));
    show();
  };

  const fetch_page = async (address) => {
    const answer = await ask(address);
    return answer && new DOMParser().parseFromString(await answer.text(), "text/html");
  };

  const renew = (part, made, page) => {
    const name = part.dataset.live;
    const fresh = name ? made.querySelector(`[data-part="${name}"]`) : page.getElementById(part.id);
    return Boolean(fresh) && put(part, fresh);
  };

  const is_typed_in = (part) => {
    const active = document.activeElement;
    return part.contains(active) && active.matches("input, select, textarea");
  };

  /* Put the new content in the place of the old; what was open, in focus and scrolled stays so. */
  const put = (part, fresh) => {
    if (is_typed_in(part)) return false;
    const old = [...part.querySelectorAll("details")].map((each) => [called(each, part), each.open]);
    const scrolled = [...part.querySelectorAll(".scroll")].map((each) => each.scrollLeft);
    const active = document.activeElement;
    const focus = part.contains(active) ? called(active, part) : "";
    const { scrollX, scrollY } = window;
    part.replaceChildren(...document.importNode(fresh, true).childNodes);
    const open = new Map(old);
    part.querySelectorAll("details").forEach((each) => {
      const name = called(each, part);
      if (open.has(name)) each.open = open.get(name);
    });
    part.querySelectorAll(".scroll").forEach((each, n) => { each.scrollLeft = scrolled[n] || 0; });
    if (focus) {
      const again = [...part.querySelectorAll(active.tagName)]
        .find((each) => called(each, part) === focus);
      if (again) again.focus({ preventScroll: true });
    }
    window.scrollTo({ left: scrollX, top: scrollY, behavior: "instant" });
    if (window.htmx) window.htmx.process(part);
    return true;
  };

  /* By what an element is found again: its id or address or first words, and which of these it is. */
  const called = (element, part) => {
    const plain = (each) => each.id || each.getAttribute("href") || each.getAttribute("name") ||
      (each.querySelector("summary") || each).textContent.trim().slice(0, 40);
    const name = plain(element);
    const same = [...part.querySelectorAll(element.tagName)].filter((each) => plain(each) === name);
    return `${element.tagName} ${name} ${same.indexOf(element)}`;
  };

  document.addEventListener("visibilitychange", start);
  window.addEventListener("online", start);
  window.addEventListener("offline", show);
  window.addEventListener("pagehide", hang_up);
  window.addEventListener("pageshow", (event) => { if (event.persisted) start(); });
  start();
})();
