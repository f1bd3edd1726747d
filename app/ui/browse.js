"use strict";
// The knowledge base: its four views, the search over all of them, and the keys of the map.
// Everything that is shown was escaped by the server; this script hides, opens and clones it.
(() => {
  if (window.citewiseShelf) return;
  window.citewiseShelf = true;

  const shelf = () => document.getElementById("browse-view");
  const plain = (text) => text.normalize("NFKD").replace(/\p{M}+/gu, "").toLowerCase();
  const OPENED = 24; // of the entries that match, so many are opened by a search

  // Views ---------------------------------------------------------------------------------------
  function show(view, focus) {
    const tabs = [...shelf().querySelectorAll("[data-view]")];
    const chosen = tabs.find((tab) => tab.dataset.view === view);
    if (!chosen) return;
    for (const tab of tabs) {
      const on = tab === chosen;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      const panel = document.getElementById(`shelf-${tab.dataset.view}`);
      panel.hidden = !on;
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
    }
    if (focus) chosen.focus();
    told();
  }

  function step(tab, key) {
    const tabs = [...shelf().querySelectorAll("[data-view]")];
    const at = tabs.indexOf(tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[key];
    if (to !== undefined) show(tabs[(to + tabs.length) % tabs.length].dataset.view, true);
    return to !== undefined;
  }

  // Search --------------------------------------------------------------------------------------
  let known = null; // {root, entries, groups, dots}: what can be found, with its text

  function read() {
    const root = shelf().querySelector("#shelf-topics");
    const dotted = shelf().querySelectorAll(".dot").length;
    if (known && known.root === root && known.dots.length === dotted) return known;
    const entries = [];
    const byTopic = new Map();
    for (const topic of shelf().querySelectorAll(".topic")) {
      const name = plain(topic.querySelector("summary").textContent);
      const own = { el: topic, text: name, about: plain(textOf(topic, ":scope > .inside > .about")) };
      byTopic.set(topic, own);
    }
    for (const el of shelf().querySelectorAll("[data-entry]")) {
      const topic = el.closest(".topic");
      const group = el.closest("tbody[data-group]");
      const under = topic ? byTopic.get(topic).text : group ? plain(group.querySelector(".group").textContent) : "";
      entries.push({ el, topic, text: `${plain(el.textContent)} ${under}` });
    }
    const byId = new Map(entries.map((one) => [one.el.id, one]));
    const dots = [...shelf().querySelectorAll(".dot")].map((el) => {
      const entry = byId.get(`p${el.dataset.p}`);
      return { el, text: entry ? entry.text : "" };
    });
    known = { root, entries, topics: [...byTopic.values()], dots };
    return known;
  }

  const textOf = (root, path) => [...root.querySelectorAll(path)].map((one) => one.textContent).join(" ");

  function filter(words) {
    const { entries, topics, dots } = read();
    const searching = words.length > 0;
    const has = (text) => words.every((word) => text.includes(word));
    shelf().classList.toggle("searching", searching);
    const full = new Set();
    for (const topic of topics) {
      const named = searching && has(topic.text);
      topic.hit = !searching || named || has(topic.about);
      if (named) full.add(topic.el);
    }
    let opened = 0;
    const alive = new Set();
    for (const entry of entries) {
      const hit = !searching || has(entry.text);
      entry.el.hidden = !(hit || (entry.topic && full.has(entry.topic)));
      if (!entry.el.hidden && entry.topic) alive.add(entry.topic);
      if (entry.el.tagName === "DETAILS") entry.el.open = searching && hit && !full.has(entry.topic) && opened++ < OPENED;
    }
    for (const topic of topics) {
      topic.el.hidden = !(topic.hit || alive.has(topic.el));
      topic.el.open = searching && !topic.el.hidden && !full.has(topic.el);
    }
    for (const group of [...shelf().querySelectorAll("[data-group]")].reverse()) {
      group.hidden = searching && !group.querySelector(":is(.topic, [data-entry]):not([hidden])");
    }
    for (const dot of dots) dot.el.classList.toggle("off", searching && !has(dot.text));
    mark(words);
    told();
  }

  // Each view's tab tells how many it shows of what is searched for.
  function told() {
    const searching = shelf().classList.contains("searching");
    let any = false;
    for (const tab of shelf().querySelectorAll("[data-view]")) {
      const panel = document.getElementById(`shelf-${tab.dataset.view}`);
      const what = tab.dataset.view === "topics" ? ".topic" : tab.dataset.view === "map" ? ".dot" : "[data-entry]";
      const left = [...panel.querySelectorAll(what)].filter((one) => !one.hidden && !one.classList.contains("off")).length;
      const count = tab.querySelector(".count");
      if (count) count.textContent = searching ? left : count.dataset.all;
      if (tab.getAttribute("aria-selected") === "true") any = left > 0;
    }
    document.getElementById("browse-none").hidden = !searching || any;
  }

  // Found words are marked without touching the document, where the browser can.
  function mark(words) {
    if (!window.CSS || !CSS.highlights) return;
    CSS.highlights.delete("found");
    if (!words.length) return;
    const ranges = [];
    for (const panel of shelf().querySelectorAll(".shelf-panel:not([hidden])")) {
      const walker = document.createTreeWalker(panel, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node && ranges.length < 300; node = walker.nextNode()) {
        if (node.parentElement.closest("[hidden], button, .unseen")) continue;
        const text = node.data.toLowerCase();
        for (const word of words) {
          for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
            const range = new Range();
            range.setStart(node, at);
            range.setEnd(node, at + word.length);
            ranges.push(range);
          }
        }
      }
    }
    CSS.highlights.set("found", new Highlight(...ranges));
  }

  // The map -------------------------------------------------------------------------------------
  const DIRECTIONS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

  function middle(dot) {
    const box = dot.getBBox();
    return [box.x + box.width / 2, box.y + box.height / 2];
  }

  // The nearest dot on that side; what lies off the line counts as farther away.
  function beside(dot, [dx, dy]) {
    const [x, y] = middle(dot);
    let best = null;
    let least = Infinity;
    for (const other of dot.parentNode.children) {
      if (other === dot || other.classList.contains("off")) continue;
      const [ox, oy] = middle(other);
      const along = (ox - x) * dx + (oy - y) * dy;
      const across = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx);
      if (along <= 0 || across > along * 1.6) continue;
      const far = along + 2 * across;
      if (far < least) [best, least] = [other, far];
    }
    return best;
  }

  function roam(dot) {
    for (const other of dot.parentNode.children) other.setAttribute("tabindex", "-1");
    dot.setAttribute("tabindex", "0");
    dot.focus();
  }

  function choose(dot) {
    const place = document.getElementById("map-detail");
    const entry = document.getElementById(`p${dot.dataset.p}`);
    if (!entry) return;
    for (const other of dot.parentNode.children) other.classList.toggle("chosen", other === dot);
    const shown = entry.cloneNode(true);
    shown.removeAttribute("id");
    shown.hidden = false;
    if (shown.tagName === "DETAILS") shown.open = true;
    const topic = entry.closest(".topic").querySelector(".name").textContent;
    const heading = document.createElement("p");
    heading.className = "who";
    heading.textContent = topic;
    if (shown.tagName === "TR") {
      const table = document.createElement("table");
      table.className = "figures";
      table.append(entry.closest("table").tHead.cloneNode(true), document.createElement("tbody"));
      table.tBodies[0].append(shown);
      place.replaceChildren(heading, table);
    } else {
      place.replaceChildren(heading, shown);
    }
  }

  function press(key) {
    const on = key.getAttribute("aria-pressed") !== "true";
    for (const other of key.parentNode.querySelectorAll(".key")) other.setAttribute("aria-pressed", String(on && other === key));
    const map = shelf().querySelector(".map svg");
    map.dataset.only = on ? key.dataset.key : "";
  }

  // Wiring: one listener a kind, for the shelf is drawn anew whenever it is opened ----------------
  document.addEventListener("input", (event) => {
    if (event.target.id === "browse-search") filter(plain(event.target.value).split(/\s+/).filter(Boolean));
  });
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element && event.target.closest("#browse-view [data-view], #browse-view .dot, #browse-view .key, #browse-view [data-show]");
    if (!target) return;
    if (target.dataset.view) show(target.dataset.view);
    else if (target.classList.contains("dot")) { roam(target); choose(target); }
    else if (target.classList.contains("key")) press(target);
    else reveal(target.dataset.show, target.dataset.at);
  });
  document.addEventListener("keydown", (event) => {
    const target = event.target instanceof Element ? event.target.closest("#browse-view [data-view], #browse-view .dot") : null;
    if (!target || event.ctrlKey || event.altKey || event.metaKey) return;
    if (target.dataset.view) {
      if (step(target, event.key)) event.preventDefault();
    } else if (DIRECTIONS[event.key]) {
      event.preventDefault();
      const next = beside(target, DIRECTIONS[event.key]);
      if (next) roam(next);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(target);
    }
  });

  function reveal(view, topic) {
    show(view, true);
    const found = shelf().querySelector(`#shelf-${view} .topic[data-topic="${CSS.escape(topic)}"]`);
    if (!found) return;
    found.open = true;
    found.scrollIntoView({ block: "start" });
  }
})();
