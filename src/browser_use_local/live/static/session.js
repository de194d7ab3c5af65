import { keepFresh, pause } from "./live.js";
import { enable, isTaken, leave, prepareControl } from "./control.js";

const show = (id) => document.getElementById(id);
const picture = show("picture");
let step = null; // the id of the step whose picture is shown, in place of the page as it is now

const isActive = () => show("head").hasAttribute("data-active");

function stepButton() {
  return step && document.querySelector(`#${CSS.escape(step)} .step`);
}

function showUrl(url) {
  if (document.activeElement !== show("url")) show("url").value = url;
  show("copy-url").dataset.copy = url;
}

/** Says what is shown, and marks it among the steps. */
function mark() {
  const chosen = stepButton();
  for (const button of document.querySelectorAll(".step")) button.setAttribute("aria-pressed", String(button === chosen));
  show("to-live").hidden = !chosen;
  if (chosen) {
    show("caption").textContent = `After step ${chosen.querySelector(".goal").textContent}`;
    showUrl(chosen.dataset.url);
  } else {
    const last = document.querySelector(".task .steps > li:nth-last-child(1) .step");
    if (!isTaken()) show("caption").textContent = isActive() ? "The page as it is now" : "The page at the end";
    showUrl(show("now").dataset.url || last?.dataset.url || "");
  }
}

function choose(button) {
  step = button?.closest("li").id ?? null;
  if (button && isTaken()) leave();
  if (button) {
    show("browser").scrollIntoView({ block: "nearest" });
    setPicture(button.dataset.picture, `The page after step ${button.querySelector(".goal").textContent}`);
  } else {
    showNow();
  }
  mark();
}

function setPicture(url, alt) {
  if (picture.src.startsWith("blob:")) URL.revokeObjectURL(picture.src);
  picture.src = url;
  picture.alt = alt;
  picture.hidden = !url;
}

/** The page as it is now, unless a step is looked at. */
async function showNow() {
  const url = new URL(location.href);
  url.pathname += "/picture";
  const response = await fetch(url);
  if (response.status !== 200) return;
  const blob = await response.blob();
  if (!step) setPicture(URL.createObjectURL(blob), "The page as it is now");
}

async function keepPicture() {
  for (;;) {
    if (!step) await showNow().catch(() => { /* the note of the page says it */ });
    await pause(isTaken() ? 60 : isActive() ? 1000 : 5000);
  }
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest(".step");
  if (button) choose(button === stepButton() ? null : button);
});
show("to-live").onclick = () => choose(null);
document.addEventListener("keydown", (event) => {
  if (!step || event.target.matches("input, textarea")) return;
  const steps = [...stepButton().closest("ol").querySelectorAll(".step")];
  const next = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 }[event.key];
  if (event.key === "Escape") choose(null);
  const button = next && steps[steps.indexOf(stepButton()) + next];
  if (button) {
    event.preventDefault();
    button.focus();
    choose(button);
  }
});

prepareControl({ toNow: () => choose(null), showNow, mark });
keepFresh(() => { enable(); mark(); }, () => isActive() ? 700 : 3000);
keepPicture();
mark();
