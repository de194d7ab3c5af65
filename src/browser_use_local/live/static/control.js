// Taking over: what a person does to the picture of the page goes to the page.

import { post, say } from "./live.js";

const keys = document.getElementById("keys");
const caption = document.getElementById("caption");
const BUTTONS = ["left", "middle", "right", "back", "forward"];
// What only goes on with something takes no note away: Enter in the URL bar comes up when its answer is there.
const GO_ON = ["mouseMoved", "mouseReleased", "mouseWheel", "keyUp"];
const HINT = "You have taken over: clicks and keys go to the page. F6 leaves it.";
let controlUrl = null;
let waiting = [];
let isSending = false;
let live = { toNow() {}, async showNow() {}, mark() {} };

export const isTaken = () => controlUrl !== null;

/** Sends inputs in their order, one request at a time; of moves of the mouse that wait, only the last one. */
async function send(...inputs) {
  for (const input of inputs) {
    if (!GO_ON.includes(input.type)) say("");
    if (input.type === "mouseMoved" && waiting.at(-1)?.type === "mouseMoved") waiting.pop();
    waiting.push(input);
  }
  if (isSending) return;
  isSending = true;
  while (waiting.length && isTaken()) {
    const response = await post(controlUrl, JSON.stringify(waiting.splice(0, 50)));
    if (!response) break;
    if (response.ok) caption.textContent = (await response.json()).said.join(" ") || HINT;
  }
  isSending = false;
}

function modifiers(event) {
  return (event.altKey ? 1 : 0) | (event.ctrlKey ? 2 : 0) | (event.metaKey ? 4 : 0) | (event.shiftKey ? 8 : 0);
}

/** Where the mouse is, in parts of the picture, which may have bars beside it. */
function place(event) {
  const picture = document.getElementById("picture");
  const box = picture.getBoundingClientRect();
  const scale = Math.min(box.width / picture.naturalWidth, box.height / picture.naturalHeight) || 1;
  const width = picture.naturalWidth * scale || box.width;
  const height = picture.naturalHeight * scale || box.height;
  const part = (at, size) => Math.min(1, Math.max(0, at / size));
  return {
    x: part(event.clientX - box.left - (box.width - width) / 2, width),
    y: part(event.clientY - box.top - (box.height - height) / 2, height),
    modifiers: modifiers(event),
  };
}

function mouse(type, event) {
  send({ type, ...place(event), button: BUTTONS[event.button] ?? "none", buttons: event.buttons, clickCount: Math.min(event.detail, 3) });
}

function scroll(event, deltaX, deltaY) {
  send({ type: "mouseWheel", ...place(event), deltaX, deltaY });
}

function key(type, event) {
  const isCommand = event.ctrlKey || event.metaKey;
  let text = "";
  if (type === "keyDown" && !isCommand) text = event.key === "Enter" ? "\r" : event.key.length === 1 ? event.key : "";
  send({
    type, key: event.key, code: event.code, windowsVirtualKeyCode: event.keyCode, text,
    location: event.location, autoRepeat: event.repeat, modifiers: modifiers(event),
  });
}

/** Keys of an input method, and of a phone, come as text; a paste as well. */
function isText(event) {
  const isPaste = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "v";
  return event.isComposing || event.keyCode === 229 || event.key === "Unidentified" || isPaste;
}

function listen() {
  let touched = null;
  let isPressed = false;
  keys.addEventListener("mousedown", (event) => {
    event.preventDefault();
    keys.focus();
    isPressed = true;
    mouse("mousePressed", event);
  });
  keys.addEventListener("mousemove", (event) => send({ type: "mouseMoved", ...place(event), buttons: event.buttons }));
  addEventListener("mouseup", (event) => {
    if (isPressed) mouse("mouseReleased", event);
    isPressed = false;
  });
  keys.addEventListener("contextmenu", (event) => event.preventDefault());
  keys.addEventListener("wheel", (event) => { event.preventDefault(); scroll(event, event.deltaX, event.deltaY); }, { passive: false });
  keys.addEventListener("touchstart", (event) => { touched = event.touches[0]; }, { passive: true });
  keys.addEventListener("touchmove", (event) => {
    event.preventDefault();
    const now = event.touches[0];
    scroll(now, touched.clientX - now.clientX, touched.clientY - now.clientY);
    touched = now;
  }, { passive: false });
  keys.addEventListener("keydown", (event) => {
    if (event.key === "F6") {
      event.preventDefault();
      document.getElementById("take-over")?.focus();
    } else if (!isText(event)) {
      event.preventDefault();
      key("keyDown", event);
    }
  });
  keys.addEventListener("keyup", (event) => { if (!isText(event) && event.key !== "F6") key("keyUp", event); });
  keys.addEventListener("input", (event) => {
    if (event.isComposing) return;
    if (event.inputType === "deleteContentBackward") press("Backspace", 8);
    else if (event.inputType === "insertLineBreak") press("Enter", 13, "\r");
    else if (keys.value) send({ type: "insertText", text: keys.value });
    keys.value = "";
  });
  keys.addEventListener("compositionend", () => {
    if (keys.value) send({ type: "insertText", text: keys.value });
    keys.value = "";
  });
}

function press(name, windowsVirtualKeyCode, text = "") {
  const one = { key: name, code: name, windowsVirtualKeyCode };
  send({ type: "keyDown", ...one, text }, { type: "keyUp", ...one });
}

/** Lets the browser be used, or not: whether somebody has taken over. */
export function enable() {
  document.body.classList.toggle("taken", isTaken());
  keys.hidden = !isTaken();
  document.getElementById("url").readOnly = !isTaken();
  for (const button of document.querySelectorAll("[data-do], [data-choose], [data-close]")) button.disabled = !isTaken();
  const button = document.getElementById("take-over");
  if (button) {
    button.textContent = isTaken() ? "Give back" : "Take over";
    button.setAttribute("aria-pressed", String(isTaken()));
  } else if (isTaken()) {
    leave();
  }
}

async function take(button) {
  live.toNow();
  controlUrl = button.dataset.control;
  caption.textContent = "The browser starts…";
  enable();
  // Nothing to do yet; but where there is no browser, this starts it.
  const response = await post(controlUrl, "[]");
  if (!response?.ok) return leave();
  caption.textContent = HINT;
  await live.showNow();
  keys.focus();
}

export function leave() {
  controlUrl = null;
  waiting = [];
  enable();
  live.mark();
}

/** Prepares the button, and what it makes possible. `page` shows the page as it is now, and says so. */
export function prepareControl(page) {
  live = page;
  listen();
  // Also who only reads for a while keeps the session.
  setInterval(() => { if (isTaken()) post(controlUrl, "[]"); }, 20_000);
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    if (button.id === "take-over") isTaken() ? leave() : take(button);
    else if (button.dataset.do) send({ type: button.dataset.do });
    else if (button.dataset.choose) send({ type: "choose", number: Number(button.dataset.choose) });
    else if (button.dataset.close) send({ type: "close", number: Number(button.dataset.close) });
  });
  document.getElementById("go").addEventListener("submit", (event) => {
    event.preventDefault();
    if (isTaken()) send({ type: "open", url: document.getElementById("url").value });
    keys.focus();
  });
}
