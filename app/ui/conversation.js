// Conversations: the address, what is told to the server, editing, judging, deleting, and a
// server that can't be reached. Texts from others are only ever set as text.
(() => {
  const words = window.citewiseWords;
  const wires = {};
  const waiting = {};

  // Telling the server ---------------------------------------------------------------------------
  function wire(name, trigger) {
    wires[name] = trigger;
    if (name in waiting) {
      trigger(waiting[name]);
      delete waiting[name];
    }
  }

  function tell(name, told) {
    if (wires[name]) wires[name](told);
    else waiting[name] = told; // the page is still being put together
  }

  // With what a reader chose for the questions to come.
  const tellWith = (name, told) => tell(name, { ...told, chosen: window.citewise.chosen() });

  // Where the conversation is kept stands in the page's address ----------------------------------
  const wanted = () => new URLSearchParams(location.hash.slice(1)).get("conversation") || "";
  let here = wanted();
  document.documentElement.classList.toggle("reopening", here !== "");

  function placed(conversation) {
    document.documentElement.classList.remove("reopening");
    here = conversation;
    if (wanted() !== conversation) {
      const bare = location.pathname + location.search;
      history.replaceState(null, "", conversation ? `#conversation=${conversation}` : bare);
    }
  }

  addEventListener("hashchange", () => {
    if (new URLSearchParams(location.hash.slice(1)).has("plan")) return; // the planner's
    if (wanted() !== here) open(wanted());
    else toChat();
  });

  function open(conversation) {
    here = conversation;
    tellWith("open", { id: conversation });
    toChat();
  }

  function toChat() {
    const tab = document.querySelector("#views button[role=tab]");
    if (tab && tab.getAttribute("aria-selected") !== "true") tab.click();
    if (matchMedia("(hover: hover)").matches) window.citewise.box()?.focus();
  }

  let lastPlace = null;
  let lastNotice = null;

  // What is told is seen, above the box.
  function reveal(notice) {
    const composer = document.getElementById("composer");
    notice.style.scrollMarginBottom = `${composer ? composer.offsetHeight : 0}px`;
    notice.scrollIntoView({ block: "nearest" });
  }

  function followed() {
    const place = document.querySelector("#place [data-conversation]");
    if (place && place.dataset.conversation !== lastPlace) {
      lastPlace = place.dataset.conversation;
      placed(lastPlace);
    }
    const notice = document.querySelector("#notice p");
    if (notice && notice !== lastNotice) reveal(notice);
    lastNotice = notice;
    if (notice) document.documentElement.classList.remove("reopening");
    if (document.querySelector('#live .turn[data-over="false"]')) lookSoon();
  }

  // Moments as the reader's clock has them -------------------------------------------------------
  const tongue = window.citewiseLanguage === "en" ? "en-GB" : window.citewiseLanguage;

  function clock(element) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) return;
    const day = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
    const ago = Math.round((day(new Date()) - day(moment)) / 86400000);
    const time = moment.toLocaleTimeString(tongue, { hour: "2-digit", minute: "2-digit" });
    const date = moment.toLocaleDateString(tongue, { day: "numeric", month: "long", year: "numeric" });
    const near = ago === 0 ? words.today : ago === 1 ? words.yesterday : date;
    element.textContent = `${near}, ${time}`;
    element.title = moment.toLocaleString(tongue);
    element.dataset.read = element.dateTime;
  }

  new MutationObserver(() => {
    followed();
    for (const one of document.querySelectorAll("time[datetime]")) {
      if (one.dataset.read !== one.dateTime) clock(one);
    }
  }).observe(document.documentElement, {
    childList: true, subtree: true, attributes: true,
    attributeFilter: ["data-over", "data-conversation", "datetime"],
  });

  // Editing a question ---------------------------------------------------------------------------
  function make(tag, properties, ...inside) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...inside);
    return made;
  }

  function edit(button) {
    const turn = button.closest(".turn");
    const heading = turn.querySelector(".question");
    if (turn.querySelector(".editing")) return;
    const field = make("textarea", { value: turn.dataset.question, rows: 2 });
    field.setAttribute("aria-label", words.edit);
    const send = make("button", { type: "button", className: "chief", textContent: words.send });
    const cancel = make("button", { type: "button", textContent: words.cancel });
    const form = make("div", { className: "editing" }, field, make("div", { className: "ends" }, cancel, send));
    const done = () => { form.remove(); heading.hidden = false; button.focus(); };
    const ask = () => {
      if (!field.value.trim()) return;
      tellWith("act", { kind: "edited", turn: Number(turn.dataset.number), text: field.value });
      form.remove();
      heading.hidden = false;
    };
    cancel.addEventListener("click", done);
    send.addEventListener("click", ask);
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") done();
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        ask();
      }
    });
    heading.hidden = true;
    heading.after(form);
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
  }

  // Judging --------------------------------------------------------------------------------------
  const spot = (number) => document.querySelector(`[data-judging="${Number(number)}"]`);
  let judging = null; // the turn's number, and what had the focus

  function press(group, chosen) {
    for (const one of group) one.setAttribute("aria-pressed", String(one === chosen));
  }

  function rated(dialog) {
    const up = dialog.querySelector('[data-rating="up"]').getAttribute("aria-pressed") === "true";
    dialog.querySelector(".reasons").hidden = up;
  }

  function judge(number, rating, claim) {
    const dialog = document.getElementById("judge");
    const place = spot(number);
    if (!dialog || !place) return;
    judging = { number: Number(number), back: document.activeElement };
    const of = dialog.querySelector("#judge-of");
    of.length = 1;
    for (const sentence of place.parentElement.querySelectorAll(".sentences li")) {
      of.add(new Option(`“${sentence.textContent}”`, sentence.dataset.claim));
    }
    of.value = claim === undefined ? "" : String(claim);
    press(dialog.querySelectorAll("[data-rating]"), dialog.querySelector(`[data-rating="${rating}"]`));
    for (const one of dialog.querySelectorAll("[data-reason]")) one.setAttribute("aria-pressed", "false");
    dialog.querySelector("#judge-comment").value = "";
    dialog.querySelector(".trouble").hidden = true;
    rated(dialog);
    dialog.showModal();
    dialog.querySelector(rating === "up" ? "#judge-comment" : "[data-reason]").focus();
  }

  function sendJudgement(dialog) {
    const pressed = (which) => [...dialog.querySelectorAll(`[data-${which}][aria-pressed="true"]`)];
    const rating = pressed("rating")[0].dataset.rating;
    const claim = dialog.querySelector("#judge-of").value;
    tell("judge", {
      turn: judging.number,
      rating,
      reasons: rating === "up" ? [] : pressed("reason").map((one) => one.dataset.reason),
      comment: dialog.querySelector("#judge-comment").value,
      claim: claim === "" ? null : Number(claim),
    });
  }

  function judged(result) {
    if (!result) return result;
    const dialog = document.getElementById("judge");
    const place = spot(result.turn);
    if (!result.kept) {
      const trouble = dialog.querySelector(".trouble");
      if (dialog.open) {
        trouble.textContent = result.said;
        trouble.hidden = false;
      } else if (place) {
        place.parentElement.querySelector(".said").textContent = result.said;
      }
      return result;
    }
    if (dialog.open) dialog.close();
    if (!place) return result;
    for (const one of place.querySelectorAll("[data-rate]")) {
      one.setAttribute("aria-pressed", String(one.dataset.rate === result.rating));
    }
    place.parentElement.querySelector(".said").textContent = result.said;
    return result;
  }

  // The card of a citation offers to judge its sentence.
  function cardButton(card, name) {
    const found = /^t(\d+)-k(\d+)-/.exec(name || "");
    if (!found || !spot(found[1]) || card.querySelector(".judge-claim")) return;
    const button = make("button", { type: "button", className: "quiet judge-claim", textContent: words.judge });
    button.addEventListener("click", () => judge(found[1], "down", Number(found[2])));
    (card.querySelector("footer") || card).append(button);
  }

  // Renaming a conversation, in its place in the list --------------------------------------------
  function rename(button) {
    const row = button.closest("li");
    const link = row.querySelector("a");
    if (row.querySelector("input")) return;
    const field = make("input", { type: "text", value: button.dataset.title, maxLength: 300 });
    field.setAttribute("aria-label", button.getAttribute("aria-label"));
    let over = false;
    const done = () => { // taking the field away makes it lose the focus, which comes here again
      if (over) return;
      over = true;
      field.remove();
      link.hidden = false;
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") {
        done();
        button.focus();
      } else if (event.key === "Enter" && !event.isComposing) {
        tell("rename", { id: button.dataset.rename, title: field.value });
        done();
      }
    });
    field.addEventListener("blur", done);
    link.hidden = true;
    link.after(field);
    field.select();
    field.focus();
  }

  // Deleting -------------------------------------------------------------------------------------
  let condemned = null;

  function confirm(told, question) {
    const dialog = document.getElementById("confirm");
    condemned = told;
    dialog.querySelector("h2").textContent = question;
    dialog.showModal();
    dialog.querySelector("[data-close]").focus();
  }

  // Everything that is pressed -------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!target || !menu.contains(target)) menu.open = false;
    }
    const button = target && target.closest("button");
    if (!button) return;
    const data = button.dataset;
    const dialog = button.closest("dialog");
    if (data.act) {
      const menu = button.closest("details");
      if (menu) menu.open = false;
      tellWith("act", { kind: data.act, turn: Number(data.number), persona: data.persona || "" });
    } else if ("edit" in data) edit(button);
    else if (data.rate) {
      const number = button.closest("[data-judging]").dataset.judging;
      const again = button.getAttribute("aria-pressed") === "true";
      if (data.rate === "up" && !again) {
        tell("judge", { turn: Number(number), rating: "up", reasons: [], comment: "", claim: null });
      } else judge(number, data.rate);
    } else if (data.rating) {
      press(dialog.querySelectorAll("[data-rating]"), button);
      rated(dialog);
    } else if (data.reason) {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    } else if ("send" in data) sendJudgement(dialog);
    else if ("close" in data) dialog.close();
    else if (data.share) {
      button.closest("details").open = false;
      tell("share", { what: data.share });
    } else if (data.revoke) tell(`revoke-${data.kind}`, { id: data.revoke });
    else if (data.rename) rename(button);
    else if (data.more) tell("more", { shown: Number(data.more) });
    else if (data.delete) {
      const ask = document.getElementById("confirm").dataset.one;
      confirm({ id: data.delete }, ask.replace("{title}", () => data.title));
    } else if ("deleteAll" in data) {
      confirm({ all: true }, document.getElementById("confirm").dataset.all);
    } else if ("confirm" in data) {
      dialog.close();
      tellWith("delete", condemned);
    } else if ("reload" in data) location.reload();
    else if (data.save) {
      button.closest("details").open = false;
      tell("save", { kind: data.save });
    } else if (data.opens) document.getElementById(data.opens).showModal();
    else if (button.id === "new") open("");
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details.menu[open]");
    if (menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  document.addEventListener("close", (event) => {
    if (event.target.id !== "judge" || !judging) return;
    const back = judging.back && judging.back.isConnected ? judging.back : null;
    (back || document.body).focus();
    judging = null;
  }, true);

  // A server that can't be reached ---------------------------------------------------------------
  const SOON_MS = 3000;
  const LATER_MS = 15000;
  let server = null;
  let gone = false;
  let looking = 0;
  let soon = false;

  function say(text, withButton) {
    let note = document.getElementById("gone");
    if (!note) {
      note = make("div", { id: "gone" });
      note.setAttribute("role", "alert");
      document.body.append(note);
    }
    note.replaceChildren(make("span", { textContent: text }));
    if (withButton) {
      const reload = make("button", { type: "button", textContent: words.reload });
      reload.dataset.reload = "";
      note.append(reload);
    }
    note.hidden = !text;
  }

  const away = (is) => document.documentElement.classList.toggle("away", is);

  async function look() {
    clearTimeout(looking);
    // The page itself names the server that sent it.
    server = server ?? String(window.gradio_config.app_id);
    const busy = document.querySelector('#live .turn[data-over="false"]') !== null;
    if (document.visibilityState === "visible" || gone || busy) {
      try {
        const reply = await fetch("gradio_api/app_id", { cache: "no-store", signal: AbortSignal.timeout(8000) });
        const found = reply.ok ? (await reply.json()).app_id : server;
        if (String(found) !== server) restarted();
        else if (gone) say(words.back), away(false), setTimeout(() => { if (!gone) say(""); }, 4000);
        gone = false;
        server = String(found);
      } catch {
        gone = true;
        away(true);
        say(words.gone);
      }
    }
    soon = gone || busy;
    looking = setTimeout(look, soon ? SOON_MS : LATER_MS);
  }

  function lookSoon() {
    if (soon) return;
    soon = true;
    clearTimeout(looking);
    looking = setTimeout(look, SOON_MS);
  }

  function restarted() {
    // What is kept is found again after a reload, and what is in the box is remembered.
    if (here || !document.querySelector(".turn")) location.reload();
    else say(words.restarted, true);
  }

  addEventListener("offline", look);
  addEventListener("online", look);
  document.addEventListener("visibilitychange", look);
  if (document.readyState === "complete") look();
  else addEventListener("load", look);

  Object.assign(window.citewise, { wire, tell, tellWith, judged, cardButton, wanted, away: () => gone });
})();
