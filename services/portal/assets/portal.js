// What pages do better with a script; all of them work without one.

// Times in the viewer's own zone; UTC stays in the title.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const clock = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hour12: false,
});

/** @param {ParentNode} part */
function localTimes(part) {
  for (const time of part.querySelectorAll("time[datetime]")) {
    const at = new Date(time.getAttribute("datetime") ?? "");
    if (!Number.isNaN(at.getTime())) time.textContent = clock.format(at);
  }
}

// A file that is worked on is shown again every second (by htmx), but whoever is about to do something isn't disturbed.
document.addEventListener("htmx:beforeRequest", (event) => {
  const part = /** @type {Element} */ (event.target);
  if (part.id !== "live" || !part.hasAttribute("data-busy")) return;
  if (part.querySelector("details[open]") ?? part.querySelector("input:focus, textarea:focus")) event.preventDefault();
});
// What it brings is treated like the page.
document.addEventListener("htmx:load", (event) => {
  const part = /** @type {CustomEvent} */ (event).detail.elt;
  if (part !== document.body) arrived(part);
});

// An upload tells how far it is.
/** @param {ParentNode} part */
function uploads(part) {
  for (const form of part.querySelectorAll("form[data-upload]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(/** @type {HTMLFormElement} */ (form));
    });
    drops(/** @type {HTMLFormElement} */ (form));
  }
}

// A workbook may be dropped anywhere on its form.
/** @param {HTMLFormElement} form */
function drops(form) {
  const input = /** @type {HTMLInputElement | null} */ (form.querySelector("input[type=file]"));
  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    form.classList.remove("over");
    if (!input || !event.dataTransfer?.files.length) return;
    event.preventDefault();
    input.files = event.dataTransfer.files;
    input.focus();
  });
}

/** @param {HTMLFormElement} form */
function send(form) {
  const bar = form.querySelector("progress");
  const told = form.querySelector("output");
  const button = form.querySelector("button");
  if (!bar || !told || !button) return;
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.responseType = "document";
  // The answer is where to go, not the page that is there: that one says what was done, once.
  request.setRequestHeader("portal-stays", "1");
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    bar.value = (event.loaded * 100) / event.total;
    told.textContent = `${(event.loaded / 1e6).toFixed(1)} of ${(event.total / 1e6).toFixed(1)} MB`;
  });
  request.addEventListener("load", () => {
    if (request.status < 400) {
      const to = request.getResponseHeader("location") ?? location.pathname;
      // To the page that is shown already, it has to be told to come again.
      if (to === location.pathname + location.search) location.reload();
      else location.href = to;
      return;
    }
    const alert = request.response?.querySelector("[role=alert]");
    told.textContent = alert ? alert.textContent.trim() : `The upload was refused (${request.status}).`;
    told.className = "problem";
    button.disabled = false;
    bar.hidden = true;
  });
  request.addEventListener("error", () => {
    told.textContent = "The connection was cut. Nothing was recorded; try again.";
    told.className = "problem";
    button.disabled = false;
  });
  bar.hidden = false;
  button.disabled = true;
  told.className = "";
  request.send(new FormData(form));
}

// The slider of a file's past says which step it stands at, and goes there when it is let go.
function sliders() {
  for (const form of document.querySelectorAll("form[data-slider]")) {
    const input = form.querySelector("input");
    const label = form.querySelector("label");
    const steps = document.querySelectorAll(".steps time");
    if (!input || !label) continue;
    input.addEventListener("input", () => {
      const time = steps[Number(input.value) - 1];
      label.textContent = `After step ${input.value}, ${time ? time.textContent : ""}`;
    });
    input.addEventListener("change", () => /** @type {HTMLFormElement} */ (form).requestSubmit());
  }
}

// A grid of many pages becomes one long list: three pages of it are in the document, the rest is space to scroll through.
const SPACE_MAX = 12e6;
const ROW_PIXELS = 52;

/** @param {HTMLElement} grid */
function long(grid) {
  const table = grid.querySelector("table");
  const first = grid.querySelector("tbody");
  const nav = document.querySelector("nav.pages");
  const total = Number(grid.dataset.total);
  const rows = first ? first.rows.length : 0;
  if (!table || !first || !nav || total <= rows || nav.querySelector("[rel=prev]")) return;
  const pages = Math.ceil(total / rows);
  const height = Math.min(rows * ROW_PIXELS, SPACE_MAX / pages);
  const known = new Map([[0, first]]);
  const above = space(table, first);
  const below = space(table, null);
  const told = nav.querySelector("span");
  nav.querySelectorAll("a").forEach((link) => link.remove());
  grid.classList.add("long");
  let busy = false;

  /** @param {number} page */
  async function body(page) {
    const there = known.get(page);
    if (there) return there;
    const answer = await fetch(`${grid.dataset.pages?.replace("page=", `page=${page}`)}`, { headers: { accept: "text/html" } });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".grid tbody");
    const made = document.adoptNode(fresh ?? document.createElement("tbody"));
    if (known.size > 20) for (const old of [...known.keys()].slice(0, 10)) known.delete(old);
    known.set(page, /** @type {HTMLTableSectionElement} */ (made));
    return made;
  }

  function page() {
    const middle = grid.getBoundingClientRect().top + grid.clientHeight / 2;
    for (const part of table.querySelectorAll("tbody[data-page]")) {
      const { top, bottom } = part.getBoundingClientRect();
      if (top <= middle && bottom >= middle) return Number(part.getAttribute("data-page"));
    }
    return Math.min(pages - 1, Math.floor(grid.scrollTop / height));
  }

  async function arrange() {
    if (busy) return;
    busy = true;
    const here = page();
    const wanted = [here - 1, here, here + 1].filter((one) => one >= 0 && one < pages);
    const parts = await Promise.all(wanted.map(body)).catch(() => null);
    // Without them the next scroll tries again.
    if (parts) {
      // What is in view stays where it is, whatever the height of what comes before it.
      const anchor = known.get(here);
      const before = anchor?.isConnected ? anchor.getBoundingClientRect().top : null;
      for (const old of table.querySelectorAll("tbody[data-page]")) if (!parts.includes(old)) old.remove();
      parts.forEach((part, index) => {
        part.setAttribute("data-page", String(wanted[index]));
        table.insertBefore(part, below.closest("tbody"));
      });
      above.style.height = `${wanted[0] * height}px`;
      below.style.height = `${(pages - 1 - wanted[wanted.length - 1]) * height}px`;
      if (anchor && before !== null) grid.scrollTop += anchor.getBoundingClientRect().top - before;
      if (told) told.textContent = `${(here * rows + 1).toLocaleString("en")} and on, of ${total.toLocaleString("en")}`;
    }
    busy = false;
    if (parts && page() !== here) arrange();
  }

  first.setAttribute("data-page", "0");
  grid.addEventListener("scroll", () => requestAnimationFrame(arrange));
  arrange();
}

// Room that a table keeps for rows that aren't there.
function space(table, before) {
  const part = document.createElement("tbody");
  const room = part.insertRow().insertCell();
  room.colSpan = 99;
  part.setAttribute("aria-hidden", "true");
  part.className = "space";
  table.insertBefore(part, before);
  return room;
}

// Keys: each does what a link of the page does.
const GOES = { s: "/", f: "/files", p: "/products", u: "/usage" };
let went = 0;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const at = /** @type {HTMLElement} */ (event.target);
  if (event.key === "Escape") for (const open of document.querySelectorAll("details.menu[open]")) shut(open);
  if (at.matches("input:not([type=checkbox], [type=radio], [type=range]), textarea, select")) return;
  const search = document.querySelector("input[type=search]");
  if (event.key === "?" && document.querySelector("[data-help]")) help();
  else if (event.key === "/" && search) {
    event.preventDefault();
    /** @type {HTMLElement} */ (search).focus();
  } else if (event.key === "g") went = Date.now();
  else if (event.key in GOES && Date.now() - went < 1000) location.href = GOES[event.key];
});

/** @param {Element} menu */
function shut(menu) {
  menu.removeAttribute("open");
  menu.querySelector("summary")?.focus();
}

// One menu at a time, and a click elsewhere closes it.
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.menu[open]")) {
    if (!open.contains(/** @type {Node} */ (event.target))) open.removeAttribute("open");
  }
});

// Help comes over the page, so that nothing on it is lost.
async function help() {
  if (document.querySelector("dialog[open]")) return;
  const answer = await fetch("/help").catch(() => null);
  const found = answer && new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#help");
  if (!found) return;
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Help");
  const close = document.createElement("button");
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.append(document.adoptNode(found), close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {ParentNode} part */
function arrived(part) {
  localTimes(part);
  uploads(part);
}

arrived(document);
sliders();
for (const grid of document.querySelectorAll(".grid[data-pages]")) long(/** @type {HTMLElement} */ (grid));
for (const link of document.querySelectorAll("[data-help]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    help();
  });
}
const shown = document.querySelector(".zone");
if (shown && zone !== "UTC") shown.textContent = `Times in ${zone}; UTC on hover`;
