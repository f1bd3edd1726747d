// Writing a question: the box and its hints, what goes with a question, and what is asked.
// A question stays in the box until the server shows it as asked; none is lost on the way.
(() => {
  const words = window.citewiseWords;
  const { tell, tellWith, wanted } = window.citewise;
  const SLOW_MS = 8000; // after so long without a sign of the server, it says so
  const box = () => document.querySelector("#box textarea");
  const live = () => document.querySelector("#live .turn");
  const answering = () => document.querySelector('#live .turn[data-over="false"]') !== null;

  const memory = {
    get: (name) => { try { return sessionStorage.getItem(`citewise.${name}`) || ""; } catch { return ""; } },
    set: (name, value) => {
      try {
        if (value) sessionStorage.setItem(`citewise.${name}`, value);
        else sessionStorage.removeItem(`citewise.${name}`);
      } catch { /* a browser without storage forgets */ }
    },
  };

  // What was chosen --------------------------------------------------------------------------------
  function chosen() {
    const persona = document.getElementById("persona");
    const research = document.getElementById("research");
    const told = { persona: persona ? persona.value : "", research: Boolean(research && research.checked) };
    const within = chips().filter((chip) => asked.has(chip.dataset.within));
    if (within.length) told.sources = within.map((chip) => chip.dataset.within);
    const own = document.getElementById("own");
    if (own && own.checked) {
      for (const slider of document.querySelectorAll("[data-choice]")) {
        told[slider.dataset.choice] = Number(slider.value);
      }
    }
    return told;
  }

  // The sources to ask within; none chosen are all of them -----------------------------------------
  const asked = new Set(JSON.parse(memory.get("within") || "[]"));
  const chips = () => [...document.querySelectorAll("[data-within]")];

  function pressed() {
    for (const chip of chips()) {
      const now = String(asked.has(chip.dataset.within));
      if (chip.getAttribute("aria-pressed") !== now) chip.setAttribute("aria-pressed", now);
    }
  }

  function within(name) {
    if (!asked.delete(name)) asked.add(name);
    memory.set("within", asked.size ? JSON.stringify([...asked]) : "");
    pressed();
  }

  const offer = () => { if (!document.querySelector(".turn")) tellWith("offer", {}); };

  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field.dataset.choice) field.parentElement.querySelector("output").textContent = field.value;
    else if (field.id === "own") document.getElementById("sliders").disabled = !field.checked;
    else if (field === box()) {
      memory.set("draft", field.value);
      hint("");
      fit();
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.id === "theme") theme(event.target.value);
    if (event.target.id === "language") speak(event.target.value);
    if (event.target.id === "persona" || event.target.id === "research") offer();
  });

  // Colours: as the system has them, unless chosen for this browser ---------------------------------
  function theme(name) {
    try {
      if (name) localStorage.setItem("citewise.theme", name);
      else localStorage.removeItem("citewise.theme");
    } catch { /* a browser without storage forgets */ }
    document.documentElement.dataset.theme = name;
  }

  const kept = (() => { try { return localStorage.getItem("citewise.theme") || ""; } catch { return ""; } })();
  document.documentElement.dataset.theme = kept;

  // The language: as the browser asks for, unless chosen; the server reads it in a cookie ------------
  const SPOKEN = "citewise_language";
  const YEAR_S = 365 * 24 * 3600;
  const chosenLanguage = () => (new RegExp(`(?:^|; )${SPOKEN}=(\\w+)`).exec(document.cookie) || ["", ""])[1];

  function speak(name) {
    const path = new URL(".", document.baseURI).pathname;
    document.cookie = `${SPOKEN}=${name}; Path=${path}; Max-Age=${name ? YEAR_S : 0}; SameSite=Lax`;
    location.reload();
  }

  // The box ----------------------------------------------------------------------------------------
  function fit() {
    const field = box();
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, 12 * 24)}px`;
  }

  function put(question) {
    const field = box();
    if (!field) return;
    field.value = question;
    fit();
  }

  function hint(text) {
    const place = document.getElementById("hint");
    if (place) place.textContent = text;
  }

  // Asking -----------------------------------------------------------------------------------------
  let sent = null; // what was asked and is not shown yet, and the turn that was the last then
  const named = (turn) => (turn ? `${turn.dataset.number}:${turn.dataset.question}` : "");

  function ask(question) {
    const text = question.trim();
    const longest = Number(box().dataset.longest);
    const length = [...text].length;
    if (!text) return hint(words.empty);
    if (length > longest) {
      return hint(words.long.replace("{length}", length).replace("{longest}", longest));
    }
    if (answering()) return hint(words.busy);
    if (window.citewise.away()) return hint(words.unsent);
    hint("");
    sent = { text, before: named(live()) };
    memory.set("pending", text);
    tellWith("ask", { text });
    const mine = sent;
    setTimeout(() => { if (sent === mine && !answering() && !window.citewise.away()) hint(words.slow); }, SLOW_MS);
  }

  document.addEventListener("keydown", (event) => {
    const field = event.target;
    if (field !== box() || event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      ask(field.value);
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") recall(event, field);
  });

  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element && event.target.closest("button");
    if (!button) return;
    if (button.id === "send") ask(box().value);
    else if (button.dataset.within) within(button.dataset.within);
    else if (button.id === "stop") tell("stop", {});
    else if (button.classList.contains("suggestion")) ask(button.dataset.ask);
    else if (button.dataset.ask) {
      const tab = document.querySelector("#views button[role=tab]");
      if (tab && tab.getAttribute("aria-selected") !== "true") {
        tab.click();
        scrollTo({ top: 0 });
      }
      put(button.dataset.ask);
      box().focus();
    }
  });

  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest("input, textarea, select, [contenteditable]");
    if (writing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "?") document.getElementById("shortcuts").showModal();
    else if (event.key === "/" && box()?.offsetParent) {
      event.preventDefault();
      box().focus();
    }
  });

  // Earlier questions, by the arrow keys: only where nothing else is being written ------------------
  let recalled = -1; // how far back

  function recall(event, field) {
    const asked = [...document.querySelectorAll(".turn[data-question]")].map((turn) => turn.dataset.question);
    const shown = recalled < 0 ? "" : asked[asked.length - 1 - recalled];
    if (field.value !== (shown ?? "")) recalled = -1;
    if (field.value && recalled < 0) return;
    const to = recalled + (event.key === "ArrowUp" ? 1 : -1);
    if (to >= asked.length || to < -1) return;
    event.preventDefault();
    recalled = to;
    put(to < 0 ? "" : asked[asked.length - 1 - to]);
  }

  // Following what comes ---------------------------------------------------------------------------
  const pending = memory.get("pending");
  let left = pending || memory.get("draft");
  let begun = false;
  let given = ""; // the turn whose question was put back

  function followed() {
    pressed();
    if (!box() || !document.getElementById("persona") || !document.getElementById("language")) return;
    if (!begun) {
      begun = true;
      document.getElementById("theme").value = kept;
      document.getElementById("language").value = chosenLanguage();
      if (wanted()) tellWith("open", { id: wanted() });
      else offer();
      if (left) put(left);
      left = "";
    }
    const turn = live();
    if (sent && turn && named(turn) !== sent.before) {
      if (box().value.trim() === sent.text) {
        put("");
        memory.set("draft", "");
      }
      sent = null;
      hint("");
    }
    if (!turn) return;
    if (turn.dataset.over === "false") {
      memory.set("pending", turn.dataset.question);
      return;
    }
    if (document.getElementById("hint").textContent === words.busy) hint("");
    if ("back" in turn.dataset) {
      if (given !== named(turn) && !box().value) put(turn.dataset.question);
      given = named(turn);
    } else if (!sent) {
      memory.set("pending", "");
      // What was asked before a reload has its answer after all.
      const whole = turn.dataset.question === pending && !turn.querySelector(".stopped");
      if (whole && box().value === pending) put("");
    }
  }

  new MutationObserver(followed).observe(document.documentElement, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["data-over", "data-back"],
  });

  Object.assign(window.citewise, { chosen, box });
})();
