// While something changes, the page is fetched again, and those of its parts are replaced that are not as they were.
"use strict";
{
  const look = async () => {
    const main = document.querySelector("main[data-refresh]");
    if (!main) return;
    await new Promise((resolve) => setTimeout(resolve, main.dataset.refresh * 1000));
    if (!document.hidden) await renew();
    look();
  };

  const renew = async () => {
    let response;
    try {
      response = await fetch(location.href);
    } catch {
      return; // the server is away for a moment
    }
    if (response.status === 401 || response.status === 404) return location.reload();
    if (!response.ok) return;
    const now = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part]")) {
      const next = now.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!next) part.hidden = true;
      else if (!isSame(part, next)) part.replaceWith(next);
    }
    for (const next of now.querySelectorAll("[data-part]")) {
      if (!document.querySelector(`[data-part="${next.dataset.part}"]`)) return location.reload();
    }
    const { refresh } = now.querySelector("main").dataset;
    if (refresh) document.querySelector("main").dataset.refresh = refresh;
    else delete document.querySelector("main").dataset.refresh;
  };

  // The frame with the browser stays as long as it shows the same one.
  const isSame = (part, next) =>
    part.dataset.version ? part.dataset.version === next.dataset.version : part.outerHTML === next.outerHTML;

  look();
}
