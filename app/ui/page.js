"use strict";
// Citation cards, copying, saving and the knowledge base's search. Everything that is shown was
// escaped by the server; this script only moves, hides and clones what is already there.
(() => {
  if (window.citewise) return;

  const GRACE_MS = 160; // time to move the pointer from a citation into its card
  let card = null;
  let anchor = null;
  let closing = 0;

  // What is typed runs as its own words do, Arabic and Hebrew from the right.
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("textarea, input")) event.target.dir = "auto";
  });

  function makeCard() {
    card = document.createElement("div");
    card.id = "citation-card";
    card.setAttribute("role", "tooltip");
    card.hidden = true;
    card.addEventListener("pointerenter", () => clearTimeout(closing));
    card.addEventListener("pointerleave", closeSoon);
    document.body.append(card);
  }

  function content(target) {
    if (target.dataset.card) {
      const source = document.getElementById(target.dataset.card);
      return source ? [...source.cloneNode(true).childNodes] : null;
    }
    const note = document.createElement("p");
    note.className = "tip";
    note.textContent = target.dataset.tip;
    return [note];
  }

  function open(target) {
    clearTimeout(closing);
    if (anchor === target && !card.hidden) return;
    const nodes = content(target);
    if (!nodes) return;
    if (!card) makeCard();
    close();
    anchor = target;
    card.replaceChildren(...nodes);
    card.classList.toggle("small", !target.dataset.card);
    window.citewise.cardButton(card, target.dataset.card);
    card.hidden = false;
    place();
    const mark = card.querySelector("mark");
    const quote = mark && mark.closest(".words");
    if (quote && quote.scrollHeight > quote.clientHeight) {
      quote.scrollTop = mark.offsetTop - quote.offsetTop - 24;
    }
    target.setAttribute("aria-describedby", card.id);
    const source = document.getElementById(target.dataset.source || "");
    if (source) source.classList.add("lit");
  }

  function place() {
    const at = anchor.getClientRects()[0] || anchor.getBoundingClientRect();
    const gap = 8;
    const width = card.offsetWidth;
    const height = card.offsetHeight;
    const left = Math.min(Math.max(gap, at.left + at.width / 2 - width / 2), innerWidth - width - gap);
    const above = at.top - height - gap;
    const below = at.bottom + gap;
    const top = above >= gap || below + height > innerHeight ? Math.max(gap, above) : below;
    card.style.left = `${Math.max(gap, left)}px`;
    card.style.top = `${top}px`;
  }

  function close() {
    clearTimeout(closing);
    if (!card || card.hidden) return;
    card.hidden = true;
    document.querySelectorAll(".lit").forEach((lit) => lit.classList.remove("lit"));
    if (anchor) anchor.removeAttribute("aria-describedby");
    anchor = null;
  }

  function closeSoon() {
    clearTimeout(closing);
    closing = setTimeout(close, GRACE_MS);
  }

  const carded = (event) =>
    event.target instanceof Element ? event.target.closest("[data-card], [data-tip]") : null;

  let touched = false;
  document.addEventListener("pointerdown", (event) => {
    touched = event.pointerType === "touch";
    if (card && !card.hidden && !card.contains(event.target) && !carded(event)) close();
  }, true);
  document.addEventListener("pointerover", (event) => {
    const target = carded(event);
    if (target && event.pointerType !== "touch") open(target);
  });
  document.addEventListener("pointerout", (event) => {
    if (carded(event) && event.pointerType !== "touch") closeSoon();
  });
  document.addEventListener("focusin", (event) => {
    const target = carded(event);
    if (target && target.matches(":focus-visible")) open(target);
    else if (card && !card.contains(event.target)) close();
  });
  document.addEventListener("click", (event) => {
    const target = carded(event);
    if (!target) return;
    // The first tap shows the card, which holds the link; a mouse has seen the card already.
    if (touched && target.dataset.card && anchor !== target) event.preventDefault();
    if (touched) open(target);
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  addEventListener("scroll", (event) => {
    if (card && !card.hidden && !card.contains(event.target)) {
      if (anchor && anchor.isConnected) place();
      else close();
    }
  }, true);
  addEventListener("resize", close);

  // Copying -----------------------------------------------------------------------------------
  async function copy(button, text) {
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const box = document.createElement("textarea");
      box.value = text;
      document.body.append(box);
      box.select();
      document.execCommand("copy");
      box.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  }

  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("button");
    if (!button) return;
    if ("copy" in button.dataset) {
      copy(button, button.parentElement.querySelector(".plain").textContent);
    } else if ("copyCode" in button.dataset) {
      copy(button, button.parentElement.querySelector("code").textContent);
    } else if (button.classList.contains("suggestion")) {
      window.citewise.tell("ask", { text: button.dataset.ask });
    } else if (button.dataset.ask) {
      ask(button.dataset.ask);
    }
  });

  // Asking from the knowledge base --------------------------------------------------------------
  function ask(question) {
    const tab = document.querySelector("#views button[role=tab]");
    if (tab && tab.getAttribute("aria-selected") !== "true") {
      tab.click();
      scrollTo({ top: 0 });
    }
    const box = document.querySelector("#box textarea, #box input");
    if (!box) return;
    box.value = question;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    box.focus();
  }

  // Following the conversation ------------------------------------------------------------------
  // The page scrolls to a new question once, and then leaves the reader alone.
  let asked = "";
  new MutationObserver(() => {
    const turn = document.querySelector("#live .turn");
    const question = turn && turn.querySelector(".question").textContent;
    const fresh = turn && turn.dataset.over === "false" && asked !== question;
    if (fresh) {
      asked = question;
      turn.scrollIntoView({ block: "start", behavior: calm() ? "auto" : "smooth" });
    } else if (asked && (!turn || turn.dataset.over === "true")) {
      asked = "";
      if (turn) setTimeout(() => offer(turn), 120);
    }
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-over"] });

  // What is offered next comes into view where the answer stays in view with it.
  function offer(turn) {
    const next = document.getElementById("suggest");
    const composer = document.getElementById("composer");
    if (!next || !composer) return;
    const span = next.getBoundingClientRect().bottom - turn.getBoundingClientRect().top;
    if (span > innerHeight - composer.offsetHeight) return;
    next.style.scrollMarginBottom = `${composer.offsetHeight}px`;
    next.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
  }

  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  function save(file) {
    const url = URL.createObjectURL(new Blob([file.text], { type: file.type }));
    const link = document.createElement("a");
    link.href = url;
    link.download = file.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  // In another page's frame there is room for the conversation alone.
  if (window.self !== window.top) document.documentElement.classList.add("framed");

  window.citewise = { save };
})();
