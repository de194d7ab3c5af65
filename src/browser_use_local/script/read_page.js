// Reads what a page says: tables, and names with values. What cannot be seen is not read, and no password ever.
() => {
  const seen = (element) => element.checkVisibility({ visibilityProperty: true });
  const text = (element) => (element ? element.innerText ?? "" : "").replace(/\s+/g, " ").trim();
  const pairs = [];
  const pair = (label, value) => {
    const name = label.replace(/\s*:\s*$/, "");
    if (name && value) pairs.push([name, value]);
  };

  const tables = [];
  const headingAbove = (table) => {
    const above = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(
      (heading) => heading.compareDocumentPosition(table) & Node.DOCUMENT_POSITION_FOLLOWING,
    );
    return text(above.at(-1));
  };
  document.querySelectorAll("table").forEach((table, index) => {
    if (!seen(table)) return;
    const cells = (row) => [...row.cells].map(text);
    const rows = [...table.rows].filter(seen);
    const isHeading = (row) => row.cells.length > 0 && [...row.cells].every((cell) => cell.tagName === "TH");
    const heading = rows.find(isHeading);
    const body = rows.filter((row) => row !== heading && row.cells.length > 0);
    if (!heading && body.every((row) => row.cells.length === 2)) {
      for (const row of body) pair(...cells(row));
      return;
    }
    const labelled = document.getElementById(table.getAttribute("aria-labelledby"));
    const name = text(table.caption) || table.getAttribute("aria-label") || text(labelled) || headingAbove(table);
    const headings = heading ? cells(heading) : [];
    const records = body.filter((row) => row.cells.length === headings.length);
    tables.push({ name, index, headings, rows: records.map(cells), positions: records.map((row) => row.rowIndex) });
  });

  for (const list of document.querySelectorAll("dl")) {
    if (!seen(list)) continue;
    let label = "";
    for (const element of list.querySelectorAll("dt, dd")) {
      if (element.tagName === "DT") label = text(element);
      else if (label) pair(label, text(element));
    }
  }
  for (const control of document.querySelectorAll("input, select, textarea, output")) {
    if (!seen(control) || ["password", "hidden", "submit", "button", "file"].includes(control.type)) continue;
    for (const label of control.labels ?? []) {
      const name = [...label.childNodes].filter((node) => !node.contains(control)).map((node) => node.textContent).join(" ");
      let value = control.value;
      if (control.tagName === "SELECT") value = text(control.selectedOptions[0]);
      if (control.type === "checkbox") value = String(control.checked);
      if (control.type === "radio" && !control.checked) continue;
      pair(name.replace(/\s+/g, " ").trim(), value);
    }
  }
  for (const line of (document.body?.innerText ?? "").split("\n")) {
    const match = line.match(/^\s*([^:]{1,40}):\s+(\S.*)$/);
    if (match) pair(match[1].trim(), match[2].trim());
  }
  pair("page title", document.title);
  pair("page address", location.href);
  const heading = [...document.querySelectorAll("h1")].find(seen);
  if (heading) pair("heading", text(heading));

  return { title: document.title, url: location.href, tables, pairs };
}
