// What both pages do: they ask for themselves again and again, and take over what has changed.

const FROM_OUR_PAGE = { "X-Browser-Use-Live": "1" };
const note = document.getElementById("note");
const LOST = "The server does not answer";

/** Says what went wrong; nothing takes it back. */
export function say(text) {
  note.textContent = text;
}

/** A request that does something to a session. Returns the response; says in a note what went wrong. */
export async function post(url, body) {
  try {
    const response = await fetch(url, { method: "POST", headers: FROM_OUR_PAGE, body });
    if (!response.ok) say((await response.json()).detail);
    return response;
  } catch (error) {
    say(`${LOST} (${error.message}).`);
    return null;
  }
}

/** Makes a node what the next one is. Whatever has data-own keeps what scripts gave it; what is unfolded stays so. */
function morph(node, next) {
  for (const { name, value } of next.attributes) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  if (next.hasAttribute("data-own")) return;
  for (const { name } of [...node.attributes]) if (!next.hasAttribute(name) && name !== "open") node.removeAttribute(name);
  let place = node.firstChild;
  for (const wanted of [...next.childNodes]) {
    const found = same(place, wanted) ? place : wanted.id && [...node.children].find((one) => one.id === wanted.id);
    if (!found) {
      node.insertBefore(document.importNode(wanted, true), place);
      continue;
    }
    if (found === place) place = place.nextSibling;
    else node.insertBefore(found, place);
    if (wanted.nodeType === Node.ELEMENT_NODE) morph(found, wanted);
    else if (found.nodeValue !== wanted.nodeValue) found.nodeValue = wanted.nodeValue;
  }
  while (place) {
    const after = place.nextSibling;
    place.remove();
    place = after;
  }
}

function same(node, wanted) {
  return node && node.nodeName === wanted.nodeName && (node.id ?? "") === (wanted.id ?? "");
}

/** Keeps the parts of the page with data-live as the server says they are now; `every` says how long it may wait. */
export async function keepFresh(changed, every) {
  let shown = "";
  for (;;) {
    try {
      const response = await fetch(location.href, { headers: FROM_OUR_PAGE });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const text = await response.text();
      if (note.textContent.startsWith(LOST)) say("");
      if (text !== shown) {
        const next = new DOMParser().parseFromString(text, "text/html");
        for (const part of document.querySelectorAll("[data-live]")) morph(part, next.getElementById(part.id));
        shown = text;
        tellTimes();
        changed();
      }
    } catch (error) {
      say(`${LOST} (${error.message}). Trying again.`);
    }
    await pause(every());
  }
}

/** Waits, and as long as nobody sees the page. */
export async function pause(milliseconds) {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  while (document.hidden) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
}

const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const FORMS = {
  seconds: (age) => `${age.toFixed(1)} s`,
  for: (age) => `for ${span(age)}`,
  ago: (age) => `${span(age)} ago`,
};

function span(age) {
  const [unit, length] = UNITS.find(([, length]) => age >= length) ?? UNITS.at(-1);
  const number = Math.floor(age / length);
  return `${number} ${unit}${number === 1 ? "" : "s"}`;
}

function tellTimes() {
  for (const time of document.querySelectorAll("time[data-form]")) {
    const age = Math.max(0, Date.now() - Date.parse(time.dateTime)) / 1000;
    const text = FORMS[time.dataset.form](age);
    if (time.textContent !== text) time.textContent = text;
    time.title = new Date(time.dateTime).toLocaleString();
  }
}

/** Says that it has copied for as long as the button has the focus: nobody can miss it by looking too late. */
async function copy(button) {
  const text = button.dataset.copy;
  button.focus(); // not every browser does so for a click
  try {
    await navigator.clipboard.writeText(text);
  } catch { // in a frame, or where the page did not come over TLS or from this machine
    const field = document.body.appendChild(Object.assign(document.createElement("textarea"), { value: text }));
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  const label = button.textContent;
  if (label === "Copied" || document.activeElement !== button) return;
  button.textContent = "Copied";
  button.addEventListener("blur", () => { button.textContent = label; }, { once: true });
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("button");
  if (button?.matches(".copy")) copy(button);
  if (button?.dataset.stop) {
    button.disabled = true;
    if (!(await post(button.dataset.stop))?.ok) button.disabled = false;
  }
});
setInterval(tellTimes, 200);
tellTimes();
