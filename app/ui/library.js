"use strict";
// Sends documents to the server, shows how far their reading is, and deletes them. Whatever comes
// from the server is shown as text.
(() => {
  const words = JSON.parse(document.getElementById("words").textContent);
  const list = document.getElementById("documents");
  const said = document.getElementById("said");
  const drop = document.getElementById("drop");
  const input = document.getElementById("files");
  let timer = 0;

  const told = (pattern, values) => pattern.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  async function asked(path, options) {
    const answer = await fetch(path, options);
    const body = await answer.json().catch(() => null);
    if (!answer.ok) throw new Error((body && body.error && body.error.message) || answer.statusText);
    return body;
  }

  function made(tag, text, parent) {
    const element = document.createElement(tag);
    element.textContent = text;
    parent.append(element);
    return element;
  }

  function state(one) {
    if (one.status === "failed") return told(words.failed, { error: one.error });
    if (one.status === "removing") return words.removing;
    // How much of it there is, is known of what was read into this index.
    if (one.status === "ready") return one.read === null ? "" : told(words.ready, one);
    return one.progress ? told(words.encoding, one.progress) : words.reading;
  }

  function row(one) {
    const item = document.createElement("li");
    item.className = one.status;
    const name = made("strong", words.names[one.name] || one.name, item);
    name.dir = "auto";
    made("span", state(one), item).className = "state";
    if (one.warnings.length) {
      const more = made("details", "", item);
      made("summary", told(words.warnings, { count: one.warnings.length }), more);
      const lines = made("ul", "", more);
      for (const line of one.warnings) made("li", line, lines);
    }
    if (one.uploaded && one.status !== "removing") {
      const button = made("button", words.delete, item);
      button.type = "button";
      button.setAttribute("aria-label", `${words.delete}: ${one.name}`);
      button.addEventListener("click", () => gone(one.name, button));
    }
    return item;
  }

  async function look() {
    clearTimeout(timer);
    let busy = false;
    try {
      const { data } = await asked("v1/documents");
      busy = data.some((one) => one.status === "reading" || one.status === "removing");
      const held = document.activeElement && document.activeElement.getAttribute("aria-label");
      if (!busy && "passing" in said.dataset) {
        said.textContent = "";
        delete said.dataset.passing;
      }
      list.replaceChildren(...data.map(row));
      if (held) for (const one of list.querySelectorAll("button"))
        if (one.getAttribute("aria-label") === held) one.focus();
    } catch (error) {
      said.textContent = error.message;
    }
    timer = setTimeout(look, busy ? 1500 : 15000);
  }

  async function send(files) {
    for (const file of files) {
      said.textContent = told(words.sending, { name: file.name });
      const form = new FormData();
      form.append("file", file);
      try {
        await asked("v1/documents", { method: "POST", body: form });
        said.textContent = told(words.sent, { name: file.name });
        said.dataset.passing = "";
      } catch (error) {
        said.textContent = `${file.name}: ${error.message}`;
      }
      await look();
    }
    input.value = "";
  }

  async function gone(name, button) {
    button.disabled = true;
    said.textContent = told(words.deleting, { name });
    look();
    try {
      await asked(`v1/documents/${encodeURIComponent(name)}`, { method: "DELETE" });
      said.textContent = told(words.deleted, { name });
    } catch (error) {
      said.textContent = error.message;
    }
    look();
  }

  input.addEventListener("change", () => send([...input.files]));
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"])
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragenter" || kind === "dragover");
      if (kind === "drop") send([...event.dataTransfer.files]);
    });
  look();
})();
