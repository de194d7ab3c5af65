import { keepFresh, pause } from "./live.js";

async function showPicture(image) {
  const response = await fetch(image.dataset.picture);
  if (response.status !== 200) return;
  const before = image.src;
  image.src = URL.createObjectURL(await response.blob());
  if (before) URL.revokeObjectURL(before);
}

/** Pictures of what is active are taken again and again, one after the other; of what was stopped there is one. */
async function showPictures() {
  for (;;) {
    for (const image of document.querySelectorAll("img[data-picture]")) {
      if (image.src && !image.hasAttribute("data-active")) continue;
      await showPicture(image).catch(() => { /* the note says it */ });
    }
    await pause(1500);
  }
}

keepFresh(() => {}, () => 1000);
showPictures();
