/* Keeps what is typed into a form that says so (data-draft: its address) on this device: through a
   log-out, a dead network, a closed page. For 24 hours at most, until it is sent, or until somebody
   else logs in here. Nothing is sent by this script, and without it the form works the same. */
"use strict";

(() => {
  const PREFIX = "ntrust-draft:";
  const PENDING = "ntrust-draft-sent";
  const LASTS = 24 * 60 * 60 * 1000;
  const SENDS_ONCE = 10 * 1000;
  const who = document.body.dataset.user;
  const at = (time) => new Date(time).toTimeString().slice(0, 5);

  const kept = {
    read(key) {
      try {
        return JSON.parse(localStorage.getItem(key));
      } catch {
        return null;
      }
    },
    write(key, draft) {
      try {
        localStorage.setItem(key, JSON.stringify(draft));
        return true;
      } catch {
        return false;
      }
    },
    keys() {
      try {
        return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
      } catch {
        return [];
      }
    },
    drop(key) {
      try {
        localStorage.removeItem(key);
      } catch {
        /* nothing is kept here */
      }
    },
  };

  const keyOf = (address) => `${PREFIX}${who}:${address}`;

  /* What is old, and what is another person's as soon as somebody is logged in. */
  for (const key of kept.keys()) {
    const draft = kept.read(key);
    const isOthers = who && !key.startsWith(`${PREFIX}${who}:`);
    if (!draft || isOthers || Date.now() - draft.at > LASTS) kept.drop(key);
  }
  if (!who) return;

  /* It is sent when the page that the form itself led to says so: another success, a log-in above
     all, says nothing of it. */
  const pathOf = (address) => address && new URL(address, location.origin).pathname;
  const sent = sessionStorage.getItem(PENDING);
  sessionStorage.removeItem(PENDING);
  const isFromIt = sent && pathOf(document.referrer) === pathOf(sent);
  if (isFromIt && document.querySelector(".message.success")) kept.drop(keyOf(sent));

  const note = (form, words, tone, role) => {
    form.querySelector(".draft-note")?.remove();
    const box = document.createElement("p");
    box.className = `callout ${tone} draft-note`;
    box.setAttribute("role", role);
    box.textContent = words;
    form.prepend(box);
    return box;
  };

  const fieldsOf = (form) =>
    [...form.elements].filter(
      (one) => one.name && !["password", "submit", "file"].includes(one.type) &&
        (one.type !== "hidden" || one.name === "page_at"));

  const read = (form) => {
    const values = {};
    for (const one of fieldsOf(form)) {
      if (["radio", "checkbox"].includes(one.type) && !one.checked) continue;
      (values[one.name] ||= []).push(one.value);
    }
    return values;
  };

  const fill = (form, values) => {
    /* "Just now" was said when the page was open then: its time is put where times are put. */
    if (values.began?.[0] === "now" && values.page_at) {
      values = { ...values, began: ["then"], onset_at: values.page_at };
    }
    for (const one of fieldsOf(form)) {
      const wanted = values[one.name] || [];
      if (one.name === "page_at") continue;
      if (["radio", "checkbox"].includes(one.type)) one.checked = wanted.includes(one.value);
      else if (wanted.length) one.value = wanted[0];
      const fold = one.closest("details");
      if (fold && wanted.length && wanted[0]) fold.open = true;
    }
  };

  const said = (words) => {
    for (const place of document.querySelectorAll("[data-draft-status]")) place.textContent = words;
  };

  const form = document.querySelector("form[data-draft]");
  if (form) {
    const key = keyOf(form.dataset.draft);
    const save = () => {
      const now = Date.now();
      said(kept.write(key, { at: now, values: read(form) }) ? `saved ${at(now)}` : "not saved here");
    };
    const draft = kept.read(key);
    if ("draftBound" in form.dataset) {
      save();
    } else if (draft) {
      fill(form, draft.values);
      const box = note(form, `Restored what you had typed at ${at(draft.at)}. `, "waiting", "status");
      const afresh = document.createElement("button");
      afresh.type = "button";
      afresh.className = "button plain";
      afresh.textContent = "Start afresh";
      afresh.addEventListener("click", () => {
        kept.drop(key);
        form.reset();
        box.remove();
        said("");
      });
      box.append(afresh);
      said(`saved ${at(draft.at)}`);
      addEventListener("load", () => form.dispatchEvent(new Event("change", { bubbles: true })));
    }
    form.addEventListener("input", save);
    form.addEventListener("change", (event) => event.isTrusted && save());
  }

  for (const one of document.querySelectorAll("form[data-draft], form[data-draft-carried]")) {
    let sentAt = 0;
    one.addEventListener("submit", (event) => {
      if (!navigator.onLine) {
        event.preventDefault();
        note(one, "■ No network: nothing was sent. What you typed is kept on this device. " +
          "Send it again when the network is back.", "harm", "alert").scrollIntoView();
        return;
      }
      if (Date.now() - sentAt < SENDS_ONCE) {
        event.preventDefault();
        return;
      }
      sentAt = Date.now();
      if (!event.submitter?.name) {
        sessionStorage.setItem(PENDING, one.dataset.draft || one.dataset.draftCarried);
      }
    });
    addEventListener("pageshow", () => { sentAt = 0; });
    addEventListener("online", () => {
      if (one.querySelector(".draft-note.harm")) {
        note(one, "The network is back: send it now.", "waiting", "status");
      }
    });
  }
})();
