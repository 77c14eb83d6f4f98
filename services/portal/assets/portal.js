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

// A file that is worked on is shown again every second until it rests.
async function refresh() {
  const live = document.querySelector("#live[data-busy]");
  if (!live) return;
  // Whoever is about to do something isn't disturbed.
  const busy = live.querySelector("details[open]") ?? live.querySelector("input:focus, textarea:focus");
  if (!busy) {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#live");
      if (fresh) {
        localTimes(fresh);
        live.replaceWith(fresh);
        uploads(fresh);
      }
    } catch {
      // The next second may be better.
    }
  }
  setTimeout(refresh, 1000);
}

// An upload tells how far it is.
/** @param {ParentNode} part */
function uploads(part) {
  for (const form of part.querySelectorAll("form[data-upload]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(/** @type {HTMLFormElement} */ (form));
    });
  }
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
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    bar.value = (event.loaded * 100) / event.total;
    told.textContent = `${(event.loaded / 1e6).toFixed(1)} of ${(event.total / 1e6).toFixed(1)} MB`;
  });
  request.addEventListener("load", () => {
    if (request.status < 400) {
      location.href = request.responseURL;
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

localTimes(document);
uploads(document);
setTimeout(refresh, 1000);
const shown = document.querySelector(".zone");
if (shown && zone !== "UTC") shown.textContent = `Times in ${zone}; UTC on hover`;
