// A click on the picture of a step shows it large.
"use strict";
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-picture]");
  const dialog = document.querySelector("dialog");
  if (link) {
    event.preventDefault();
    dialog.querySelector("img").src = link.href;
    dialog.querySelector("img").alt = dialog.querySelector("p").textContent = link.dataset.picture;
    dialog.showModal();
  } else if (event.target === dialog) {
    dialog.close();
  }
});
