// Airflow's frame lets no link out of it: those that lead elsewhere are followed by the page around it.
"use strict";
{
  const framed = window.parent !== window;

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[target]");
    if (!framed || !link) return;
    event.preventDefault();
    if (!/^https?:$/.test(link.protocol)) return; // it would be followed with the rights of the page around
    const outside = window.parent.document.createElement("a");
    Object.assign(outside, { href: link.href, target: link.target === "_top" ? "_self" : link.target, rel: link.rel });
    outside.click();
  });

  // Airflow 3.1 and 3.2 do not tell the frame the rest of their own path, which is the path of a page here.
  if (framed && "entry" in document.body.dataset) {
    const [, rest] = window.parent.location.pathname.split(/\/plugin\/[^/]+(?=\/)/);
    if (rest && rest.startsWith(location.pathname.replace(/\/$/, "") + "/") && rest !== location.pathname) {
      location.replace(rest + window.parent.location.search);
    }
  }
}
