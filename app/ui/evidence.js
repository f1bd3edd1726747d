// The evidence beside the conversation: that of the answer in view, of the sentence under the
// pointer or the cursor, or of the one that is pinned. It shows what each answer carries, hidden.
(() => {
  const words = window.citewiseWords;
  const REST_MS = 200; // so long after the pointer has left a sentence, what is in view returns
  let pinned = null; // {turn, claim}
  let shown = null; // the evidence that is a copy of, as it was then: {from, html}
  let resting = 0;

  const place = () => document.querySelector("#panel .shown");
  const side = () => document.getElementById("side");
  const carried = (turn) => document.getElementById(`t${turn}-evidence`);
  const answers = () => [...document.querySelectorAll("#ask-view .answer[data-number]")];
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  // The answer that a reader looks at: the last one that has begun above the middle of the window,
  // and at the end of the page, or while it is being written, the last.
  function inView() {
    const seen = answers().filter((one) => one.offsetParent && !one.closest("details:not([open])"));
    const begun = seen.filter((one) => one.getBoundingClientRect().top < innerHeight * 0.5);
    const root = document.documentElement;
    const end = root.scrollTop > 0 && root.scrollTop + innerHeight >= root.scrollHeight - 4;
    if (end || document.querySelector('#live .turn[data-over="false"]')) return seen[seen.length - 1] || null;
    return begun[begun.length - 1] || seen[0] || null;
  }

  function show(turn) {
    const from = carried(turn);
    if (!place() || !from) return;
    const html = from.innerHTML; // the same element may be filled anew while an answer comes
    if (shown && shown.from === from && shown.html === html) return;
    shown = { from, html };
    place().replaceChildren(...[...from.cloneNode(true).childNodes]);
    const of = document.querySelector("#panel .of");
    const several = document.querySelectorAll(".turn").length > 1;
    const article = from.closest(".turn");
    of.textContent = article ? article.dataset.question : "";
    of.hidden = !several;
  }

  // A sentence and the words that bear it; of one source of it alone, if that is named.
  function light(turn, claim, source) {
    clearTimeout(resting);
    show(turn);
    dim();
    if (claim === null) return;
    for (const part of document.querySelectorAll(`.answer[data-number="${turn}"] [data-claim="${claim}"]`)) {
      part.classList.add("at");
    }
    tell(turn, claim);
    let first = null;
    for (const mark of place().querySelectorAll("mark[data-claims]")) {
      const item = mark.closest("li");
      if (!mark.dataset.claims.split(" ").includes(String(claim))) continue;
      if (source && !item.dataset.sources.split(" ").includes(source)) continue;
      mark.classList.add("here");
      item.classList.add("lit");
      first = first || mark;
    }
    if (source && !first) {
      first = place().querySelector(`[data-sources~="${source}"]`);
      if (first) first.classList.add("lit");
    }
    if (first) reveal(first);
  }

  // Whose words a sentence is, and what it lacks.
  function tell(turn, claim) {
    const part = document.querySelector(`.answer[data-number="${turn}"] [data-claim="${claim}"]`);
    const line = document.querySelector("#panel .basis");
    if (!part || !line) return;
    const lacks = ["partial", "unsupported"].find((status) => part.classList.contains(status));
    line.textContent = words[lacks ? `status_${lacks}` : `basis_${part.dataset.basis}`] || "";
  }

  function dim() {
    for (const one of document.querySelectorAll(".claim.at")) one.classList.remove("at");
    if (!place()) return;
    document.querySelector("#panel .basis").textContent = "";
    for (const one of place().querySelectorAll(".lit")) one.classList.remove("lit");
    for (const one of place().querySelectorAll(".here")) one.classList.remove("here");
  }

  function reveal(mark) {
    const frame = side();
    if (frame.scrollHeight <= frame.clientHeight) return;
    const at = mark.getBoundingClientRect();
    const of = frame.getBoundingClientRect();
    if (at.top >= of.top + 40 && at.bottom <= of.bottom - 20) return;
    const top = frame.scrollTop + at.top - of.top - of.height / 3;
    frame.scrollTo({ top, behavior: calm() ? "auto" : "smooth" });
  }

  function rest() {
    clearTimeout(resting);
    if (pinned && carried(pinned.turn)) light(pinned.turn, pinned.claim);
    else {
      if (pinned) unpin();
      dim();
      const answer = inView();
      if (answer) show(answer.dataset.number);
    }
  }

  function pin(turn, claim) {
    pinned = { turn, claim };
    document.querySelector("#panel [data-unpin]").hidden = false;
    light(turn, claim);
  }

  function unpin() {
    pinned = null;
    const button = document.querySelector("#panel [data-unpin]");
    if (button) button.hidden = true;
  }

  // The sentence of an element: its turn, its number, and the source where it is a citation.
  function sentence(element) {
    const at = element instanceof Element ? element.closest(".claim[data-claim], .cite[data-card]") : null;
    const answer = at && at.closest(".answer[data-number]");
    if (!answer || !answer.closest("#ask-view")) return null;
    const cite = element.closest(".cite[data-card]");
    const claim = cite ? /-k(\d+)-/.exec(cite.dataset.card)[1] : at.dataset.claim;
    return { turn: answer.dataset.number, claim: Number(claim), source: cite ? cite.dataset.source : "" };
  }

  document.addEventListener("pointerover", (event) => {
    const found = event.pointerType === "touch" ? null : sentence(event.target);
    if (found) light(found.turn, found.claim, found.source);
  });
  document.addEventListener("pointerout", (event) => {
    if (!sentence(event.target) || event.pointerType === "touch") return;
    clearTimeout(resting);
    resting = setTimeout(rest, REST_MS);
  });
  document.addEventListener("focusin", (event) => {
    const found = sentence(event.target);
    if (found && event.target.matches(":focus-visible")) light(found.turn, found.claim, found.source);
  });

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const button = target && target.closest("button");
    if (button && "evidence" in button.dataset) {
      const answer = button.closest(".voice, .turn").querySelector(".answer[data-number]");
      pin(answer.dataset.number, null);
      unfold(true);
    } else if (button && "unpin" in button.dataset) {
      unpin();
      rest();
    } else if (button && "fold" in button.dataset) unfold(false);
    else if (button && button.dataset.step) step(Number(button.dataset.step));
    else if (target && !button) {
      const found = sentence(target);
      if (found && getSelection().isCollapsed) pin(found.turn, found.claim);
      else if (!target.closest("#side, #citation-card")) unfold(false);
    }
  });

  // On a narrow window the evidence is a sheet from below.
  function unfold(open) {
    if (side()) side().classList.toggle("sheet", open);
  }

  // From sentence to sentence ----------------------------------------------------------------------
  function step(by) {
    const known = new Map();
    for (const part of document.querySelectorAll("#ask-view .answer [data-claim]")) {
      const found = sentence(part);
      if (found && part.offsetParent) known.set(`${found.turn}:${found.claim}`, part);
    }
    const keys = [...known.keys()];
    if (!keys.length) return;
    const here = pinned ? keys.indexOf(`${pinned.turn}:${pinned.claim}`) : -1;
    let to = here + by;
    if (here < 0) {
      const answer = pinned ? pinned.turn : (inView() || answers()[0]).dataset.number;
      const own = keys.filter((key) => key.startsWith(`${answer}:`));
      to = own.length ? keys.indexOf(own[by > 0 ? 0 : own.length - 1]) : 0;
    }
    const part = known.get(keys[Math.min(Math.max(to, 0), keys.length - 1)]);
    const found = sentence(part);
    pin(found.turn, found.claim);
    const at = part.getBoundingClientRect();
    if (at.top < 60 || at.bottom > innerHeight - 160) {
      part.scrollIntoView({ block: "center", behavior: calm() ? "auto" : "smooth" });
    }
  }

  const writing = (element) =>
    element.closest("input, textarea, select, [contenteditable], dialog[open]") !== null;

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      unfold(false);
      if (pinned && !writing(event.target)) {
        unpin();
        rest();
      }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || writing(event.target)) return;
    if (document.querySelector("dialog[open]") || !document.querySelector("#ask-view")?.offsetParent) return;
    if (event.key === "j" || event.key === "k") {
      event.preventDefault();
      step(event.key === "j" ? 1 : -1);
    }
  });

  // A question that begins lets go of what was pinned before it.
  let begun = "";
  function unpinAtNext() {
    const turn = document.querySelector("#live .turn");
    const now = turn ? turn.dataset.number : "";
    if (begun !== now && pinned && pinned.turn !== now) unpin();
    begun = now;
  }

  let waiting = false;
  function soon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (!pinned && !document.querySelector(".claim.at")) rest();
    });
  }
  addEventListener("scroll", soon, { passive: true });
  new MutationObserver((changes) => {
    if (changes.every((one) => one.target instanceof Element && one.target.closest("#panel, #citation-card"))) return;
    unpinAtNext();
    if (!answers().length && shown) {
      shown = null;
      unpin();
      const empty = document.createElement("p");
      empty.className = "faint";
      empty.textContent = window.citewiseWords.nothing;
      place()?.replaceChildren(empty);
      document.querySelector("#panel .of").hidden = true;
    }
    soon();
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
