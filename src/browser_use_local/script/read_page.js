// Reads what a page says: tables, and names with values. What cannot be seen is not read, and no password ever.
// Gets the elements that it reads, also those in open shadow trees, and whether the document is the page itself.
(elements, isPage) => {
  const WIDEST = 1000;
  const MOST_CELLS = 200_000;
  const seen = (element) => element.checkVisibility({ visibilityProperty: true });
  const text = (element) => (element ? element.innerText ?? "" : "").replace(/\s+/g, " ").trim();
  const all = (selector) => elements.filter((element) => element.matches(selector) && seen(element));
  const pairs = [];
  const pair = (label, value) => {
    const name = label.replace(/\s*:\s*$/, "");
    if (name && value) pairs.push([name, value]);
  };

  const headingAbove = (table) => {
    const above = all("h1, h2, h3, h4, h5, h6").filter((heading) => heading.getRootNode() === table.getRootNode()
      && heading.compareDocumentPosition(table) & Node.DOCUMENT_POSITION_FOLLOWING);
    return text(above.at(-1));
  };
  const nameOf = (table) => {
    const labelled = table.getRootNode().getElementById(table.getAttribute("aria-labelledby"));
    return text(table.caption) || table.getAttribute("aria-label") || text(labelled) || headingAbove(table);
  };
  const cells = (row) => [...row.cells].filter(seen);

  // Rows as a grid: a cell that spans rows or columns stands in each of its places.
  const grid = (rows) => {
    const places = rows.map(() => []);
    rows.forEach((row, top) => {
      let left = 0;
      for (const cell of cells(row)) {
        while (places[top][left]) left += 1;
        const bottom = cell.rowSpan === 0 ? rows.length : Math.min(top + cell.rowSpan, rows.length);
        const right = left + Math.min(cell.colSpan, WIDEST);
        for (let y = top; y < bottom; y += 1) for (let x = left; x < right; x += 1) places[y][x] ??= cell;
        left = right;
      }
    });
    return places;
  };
  const isHeading = (row) => {
    const headings = cells(row).filter((cell) => cell.tagName === "TH");
    const others = cells(row).filter((cell) => cell.tagName !== "TH" && text(cell));
    return headings.length > 0 && others.length === 0 && (headings.length > 1 || row.cells.length === 1);
  };
  const spansAll = (places) => places.length > 1 && new Set(places).size === 1;
  const distinct = (values) => [...new Set(values)];

  // The rows of a table by what they are; without a THEAD its first rows may be headings.
  const parts = (table) => {
    const shown = [...table.rows].filter((row) => seen(row) && row.cells.length > 0);
    const foot = shown.filter((row) => row.parentNode === table.tFoot);
    let head = shown.filter((row) => row.parentNode === table.tHead);
    let body = shown.filter((row) => !head.includes(row) && !foot.includes(row));
    if (!head.length) {
      const end = body.findIndex((row) => !isHeading(row));
      head = end < 0 ? body : body.slice(0, end);
      body = end < 0 ? [] : body.slice(end);
    }
    return { head, body, foot };
  };
  // A heading above several others belongs to the name of each of them; a title above all to none.
  const headingsOf = (head) => {
    let rows = grid(head);
    if (rows.length > 1) rows = rows.filter((row) => !spansAll(row));
    const width = Math.max(0, ...rows.map((row) => row.length));
    return Array.from({ length: width }, (_, column) => {
      const texts = distinct(rows.map((row) => row[column])).map(text).filter(Boolean);
      return texts.join(" ") || `column ${column + 1}`;
    });
  };
  const nested = (row) => cells(row).some((cell) => cell.querySelector("table"));

  // What cannot be read right is a problem of the whole table: a part of its rows would pass for all of them.
  const readTable = (table) => {
    const { head, body, foot } = parts(table);
    const count = [...head, ...body, ...foot].reduce((sum, row) => sum + row.cells.length, 0);
    if (count > MOST_CELLS) return { headings: [], rows: [], positions: [], problem: `it has ${count} cells` };
    const headings = headingsOf(head);
    const places = sections(body);
    const result = { headings, rows: [], positions: [], problem: null };
    const problem = (said) => { result.problem ??= said; };
    if (!head.length) problem("it has no headings");
    const folded = headings.map((heading) => heading.toLowerCase());
    const twice = headings.find((_, column) => folded.indexOf(folded[column]) !== column);
    if (twice) problem(`two of its columns are named "${twice}"`);
    const positions = [...table.querySelectorAll("tr")];
    const across = [];
    body.forEach((row, number) => {
      const here = places[number];
      const values = here.map(text);
      const where = `row ${number + 1}`;
      if (spansAll(here)) across.push(text(here[0]));
      else if (isHeading(row) && values.join("\n") === headings.join("\n")) return;
      else if (nested(row)) problem(`another table stands in its ${where}`);
      else if (isHeading(row)) problem(`${where} has headings again, and other ones`);
      else if (distinct(here).some((cell) => cell?.colSpan > 1)) problem(`a cell of ${where} spans several columns`);
      else if (here.length !== headings.length || here.includes(undefined)) {
        problem(`${where} has ${here.filter(Boolean).length} cells, and there are ${headings.length} headings`);
      } else {
        result.rows.push(values);
        result.positions.push(positions.indexOf(row));
      }
    });
    if (across.length && result.rows.length) problem(`a row goes across all columns ("${across[0]}")`);
    if (result.problem) Object.assign(result, { rows: [], positions: [] });
    readFoot(foot, headings);
    return result;
  };
  // A cell spans no more rows than its section has.
  const sections = (rows) => distinct(rows.map((row) => row.parentNode))
    .flatMap((section) => grid(rows.filter((row) => row.parentNode === section)));
  // Totals are no records: they are names with values.
  const readFoot = (rows, headings) => grid(rows).forEach((row) => {
    const filled = distinct(row).filter((cell) => cell && text(cell));
    const [label, ...values] = filled;
    for (const cell of values) {
      pair(values.length > 1 ? `${text(label)} ${headings[row.indexOf(cell)] ?? ""}`.trim() : text(label), text(cell));
    }
  });

  const tables = [];
  elements.filter((element) => element.matches("table")).forEach((table, index) => {
    if (!seen(table) || ["presentation", "none"].includes(table.role)) return;
    const { head, body } = parts(table);
    if (!head.length && body.every((row) => row.cells.length === 2 && !nested(row))) {
      for (const row of body) pair(...[...row.cells].map(text));
    }
    tables.push({ name: nameOf(table), index, ...readTable(table) });
  });

  for (const list of all("dl")) {
    let label = "";
    for (const element of list.querySelectorAll("dt, dd")) {
      if (!seen(element)) continue;
      if (element.tagName === "DT") label = text(element);
      else if (label) pair(label, text(element));
    }
  }
  for (const control of all("input, select, textarea, output")) {
    if (["password", "hidden", "submit", "button", "file"].includes(control.type)) continue;
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
    if (match) pair(match[1].trim(), match[2].replace(/\s+/g, " ").trim());
  }
  if (isPage) {
    pair("page title", document.title);
    pair("page address", location.href);
    const heading = all("h1")[0];
    if (heading) pair("heading", text(heading));
  }
  return { tables, pairs };
}
