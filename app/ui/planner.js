"use strict";
// The planner: tells the server what was chosen, a moment after the last change, and keeps links.
(() => {
  if (window.citewisePlanner) return;
  window.citewisePlanner = true;
  const SOON_MS = 250;
  const at = (id) => document.getElementById(id);
  const filled = (form) => Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim()));
  const later = {};

  function soon(name, work) {
    clearTimeout(later[name]);
    later[name] = setTimeout(work, SOON_MS);
  }

  const plan = () => at("plan") && window.citewise.tell("plan", { inputs: filled(at("plan")) });

  function work() {
    const form = at("calculation-inputs");
    if (form) window.citewise.tell("work", { name: form.dataset.name, inputs: filled(form) });
  }

  // A card of an answer: its inputs are told, and what comes of them is put into it.
  let told = 0;
  function tellCard(form) {
    const place = `${form.closest(".calculated").id}:${(told += 1)}`;
    window.citewise.tell("card", { name: form.dataset.name, inputs: filled(form), place });
  }

  function fillCard(replies) {
    const reply = replies.querySelector("[data-for]");
    if (!reply) return;
    const [place, count] = reply.dataset.for.split(":");
    const card = Number(count) === told && at(place);
    if (card) card.querySelector(".calculated-result").replaceChildren(...reply.cloneNode(true).childNodes);
  }

  function choose(name, inputs) {
    at("calculation").value = name;
    window.citewise.tell("form", { name, inputs });
  }

  document.addEventListener("input", (event) => {
    if (!(event.target instanceof Element)) return;
    if (event.target.closest("#plan")) soon("plan", plan);
    else if (event.target.closest("#calculation-inputs")) soon("work", work);
    else if (event.target.closest(".calculated form")) {
      const form = event.target.form;
      soon("card", () => tellCard(form));
    } else if (event.target.id === "calculation") choose(event.target.value, {});
  });
  document.addEventListener("submit", (event) => {
    if (event.target.closest("#planner, .calculated")) event.preventDefault();
  });

  // A link names the plan, or one calculation, and its inputs.
  function linked() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const name = asked.get("plan") || "";
    asked.delete("plan");
    return { name, inputs: Object.fromEntries(asked) };
  }

  function openPlan() {
    const { name, inputs } = linked();
    if (name === "serving") {
      for (const field of at("plan").elements) field.value = inputs[field.name] ?? "";
    }
    plan();
  }

  function openCalculation() {
    const { name, inputs } = linked();
    const known = [...at("calculation").options].some((option) => option.value === name);
    choose(known ? name : at("calculation").value, known ? inputs : {});
  }

  const tabs = () => [...document.querySelectorAll("#views button[role=tab]")];
  const seen = new Set();
  function once(element, work) {
    if (!element || seen.has(element)) return;
    seen.add(element);
    work(element);
  }

  function toPlanner() {
    if (!linked().name) return;
    const tab = tabs().find((one) => one.dataset.tabId === "planner");
    if (tab && tab.getAttribute("aria-selected") !== "true") tab.click();
  }

  new MutationObserver(() => {
    once(tabs()[0] && document.body, () => setTimeout(toPlanner));
    // Gradio changes what is there in place: any change may be a reply.
    once(at("calculation-card"), (replies) => new MutationObserver(() => fillCard(replies)).observe(replies, {
      attributes: true, characterData: true, childList: true, subtree: true,
    }));
    once(at("plan"), openPlan);
    once(at("calculation"), openCalculation);
    // Another calculation's form has come: its result follows if anything is given.
    once(at("calculation-inputs"), (form) => { if (Object.keys(filled(form)).length) work(); });
  }).observe(document.documentElement, { childList: true, subtree: true });

  addEventListener("hashchange", () => {
    if (!linked().name) return;
    toPlanner();
    if (at("plan")) openPlan();
    if (at("calculation")) openCalculation();
  });
})();
