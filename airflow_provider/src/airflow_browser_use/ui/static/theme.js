// The look of Airflow around this frame: its colours, which a deployment may have changed, and light or dark as it is.
"use strict";
{
  const root = document.documentElement;
  const COLOURS = { bg: "bg", fg: "fg", quiet: "fg-muted", line: "border", soft: "bg-muted", accent: "brand-solid" };
  let airflow = null;
  try {
    airflow = window.parent !== window ? window.parent.document.documentElement : null;
  } catch {
    // Another site has this in a frame; its policy does not let it be shown.
  }

  const adopt = () => {
    const stored = localStorage.getItem("theme");
    const prefers = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const own = stored === "dark" || stored === "light" ? stored : prefers;
    const around = airflow && ["dark", "light"].find((name) => airflow.classList.contains(name));
    root.dataset.theme = around || own;
    for (const [ours, theirs] of Object.entries(COLOURS)) {
      const value = airflow ? getComputedStyle(airflow).getPropertyValue(`--chakra-colors-${theirs}`) : "";
      if (value) root.style.setProperty(`--${ours}`, value);
    }
  };

  adopt();
  if (airflow) new MutationObserver(adopt).observe(airflow, { attributeFilter: ["class"] });
}
