"use strict";
// Citation cards, copying, saving and the knowledge base's search. Everything that is shown was
// escaped by the server; this script only moves, hides and clones what is already there.
(() => {
  if (window.citewise) return;

  // The language that the server speaks; Gradio sets the one that its own texts have.
  const root = document.documentElement;
  const spoken = window.citewiseLanguage;
  const speak = () => { if (root.lang !== spoken) root.lang = spoken; };
  speak();
  new MutationObserver(speak).observe(root, { attributes: true, attributeFilter: ["lang"] });

  const GRACE_MS = 160; // time to move the pointer from a citation into its card
  const GAP = 8;
  const narrow = () => matchMedia("(max-width: 600px)").matches;
  let card = null;
  let anchor = null;
  let closing = 0;

  function makeCard() {
    card = document.createElement("div");
    card.id = "citation-card";
    card.setAttribute("role", "dialog");
    card.tabIndex = -1;
    card.hidden = true;
    card.addEventListener("pointerenter", () => clearTimeout(closing));
    card.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") closeSoon();
    });
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
    const tip = !target.dataset.card;
    card.classList.toggle("small", tip);
    card.setAttribute("role", tip ? "tooltip" : "dialog");
    card.setAttribute("aria-label", tip ? target.dataset.tip : target.textContent);
    window.citewise.cardButton(card, target.dataset.card);
    card.hidden = false;
    place();
    const mark = card.querySelector("mark");
    const quote = mark && mark.closest(".words");
    if (quote && quote.scrollHeight > quote.clientHeight) {
      quote.tabIndex = 0;
      quote.scrollTop = mark.offsetTop - quote.offsetTop - 24;
    }
    if (tip) target.setAttribute("aria-describedby", card.id);
    else target.setAttribute("aria-expanded", "true");
  }

  // Beside what it explains, never over it: below the sentence, above it where there is more room.
  function place() {
    const answer = anchor.closest(".answer");
    const named = /-k(\d+)-/.exec(anchor.dataset.card || "");
    const claim = named ? named[1] : anchor.closest("[data-claim]")?.dataset.claim;
    const parts = answer && claim ? answer.querySelectorAll(`[data-claim="${claim}"]`) : [];
    const lines = [anchor, ...parts].flatMap((part) => [...part.getClientRects()]);
    const composer = document.getElementById("composer");
    const bar = composer && composer.offsetParent && composer.getBoundingClientRect();
    const floor = bar && bar.bottom >= innerHeight - 2 && bar.top > innerHeight / 2 ? bar.top : innerHeight;
    card.style.cssText = "";
    if (narrow() && anchor.dataset.card) {
      const lowest = Math.max(...lines.map((line) => line.bottom));
      const over = lowest - (innerHeight - card.offsetHeight - GAP);
      if (over > 0) scrollBy({ top: over });
      return;
    }
    const at = anchor.getClientRects()[0] || anchor.getBoundingClientRect();
    const first = Math.min(...lines.map((line) => line.top));
    const last = Math.max(...lines.map((line) => line.bottom));
    const below = floor - last - 2 * GAP;
    const above = first - 2 * GAP;
    const under = card.offsetHeight <= below || below >= above;
    card.style.maxHeight = `${Math.max(140, Math.min(416, under ? below : above))}px`;
    const width = card.offsetWidth;
    const left = Math.min(at.left + at.width / 2 - width / 2, innerWidth - width - GAP);
    card.style.left = `${Math.max(GAP, left)}px`;
    card.style.top = `${under ? last + GAP : Math.max(GAP, first - GAP - card.offsetHeight)}px`;
  }

  function close() {
    clearTimeout(closing);
    if (!card || card.hidden) return;
    const back = card.contains(document.activeElement) ? anchor : null;
    card.hidden = true;
    if (anchor) {
      anchor.removeAttribute("aria-describedby");
      anchor.removeAttribute("aria-expanded");
    }
    if (back && back.isConnected) back.focus();
    anchor = null;
  }

  function closeSoon() {
    clearTimeout(closing);
    closing = setTimeout(() => { if (!card.contains(document.activeElement)) close(); }, GRACE_MS);
  }

  const carded = (event) =>
    event.target instanceof Element ? event.target.closest("[data-card], [data-tip]") : null;

  document.addEventListener("pointerdown", (event) => {
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
    else if (card && !card.hidden && !card.contains(event.target) && event.target !== anchor) close();
  });
  // A press shows the card, which holds the link; nobody leaves the page by a stray click.
  document.addEventListener("click", (event) => {
    const target = carded(event);
    if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (target.dataset.card) event.preventDefault();
    open(target);
    if (event.detail === 0 && target.dataset.card) card.focus(); // from the keyboard: into the card
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    else if (anchor && event.target === anchor && anchor.dataset.card) {
      if (event.key === "ArrowDown" || event.key === " ") {
        event.preventDefault();
        card.focus();
      } else if (event.key === "Enter" && !anchor.href) card.focus();
    } else if (card && !card.hidden && event.key === "Tab" && card.contains(event.target)) {
      const inside = [card, ...card.querySelectorAll("a[href], button, [tabindex='0']")];
      const next = inside[inside.indexOf(event.target) + (event.shiftKey ? -1 : 1)];
      event.preventDefault();
      if (next) next.focus();
      else close();
    }
  });
  addEventListener("scroll", (event) => {
    if (card && !card.hidden && !card.contains(event.target)) {
      if (anchor && anchor.isConnected) { if (!narrow()) place(); }
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
    button.textContent = window.citewiseWords.copied;
    setTimeout(() => { button.textContent = before; }, 1500);
  }

  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("button");
    if (!button) return;
    if ("copy" in button.dataset) {
      copy(button, button.parentElement.querySelector(".plain").textContent);
    } else if (button.dataset.copyLink) {
      copy(button, new URL(button.dataset.copyLink, document.baseURI).href);
    } else if ("copyCode" in button.dataset) {
      copy(button, button.parentElement.querySelector("code").textContent);
    }
  });

  // The places of the page, by the arrow keys ---------------------------------------------------
  document.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const row = by && event.target.closest("#views > .tab-wrapper [role=tablist]");
    if (!row) return;
    const tabs = [...row.querySelectorAll("[role=tab]")];
    const next = tabs[(tabs.indexOf(event.target) + by + tabs.length) % tabs.length];
    event.preventDefault();
    next.focus();
    next.click();
  });

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
