"use strict";
// Opens trials, and sorts and searches their table.
(() => {
  const { data, byId, element, names, rows, byTrial, asText, title, whole, embed, saveCsv } = page;

  // --- one trial ---
  const dialog = byId("trial");

  async function open(trial) {
    const row = byTrial.get(trial);
    byId("trial-title").textContent = `Trial ${trial}: ${row.state}`;
    byId("trial-why").textContent = row.why[0].toUpperCase() + row.why.slice(1) + ".";
    const values = byId("trial-values");
    values.replaceChildren();
    for (const name of names) {
      if (["trial", "state", "why"].includes(name) || row[name] === null) continue;
      const item = element("li", `${title(name)} `);
      item.append(element("b", asText(name, row[name])));
      values.append(item);
    }
    if (!dialog.open) dialog.showModal();
    const place = byId("trial-curve");
    place.replaceChildren();
    const curve = data.curves[trial];
    if (!curve) {
      place.textContent = "Its learning curve is not on this page; the table of epochs in the run directory has it.";
      return;
    }
    const points = [["validation", "value"], ["training", "training"]].flatMap(([line, name]) =>
      (curve[name] || []).map((value, i) => ({ line, epoch: curve.epoch[i], value })).filter((point) => point.value !== null));
    if (points.length) await embed(place, { ...data.curve, datasets: { curve: points } });
  }

  // --- the table ---
  const table = byId("trials");
  const step = 100;
  const view = { sort: "", down: false, shown: step, found: rows };
  const fields = ["trial", "value", "training", "state", ...(data.parameters || []), "best_epoch", "epochs_run", "size", "seconds", "why"];
  const numeric = (name) => rows.some((row) => typeof row[name] === "number") && rows.every((row) => row[name] === null || typeof row[name] === "number");

  function matcher(text) {
    const compare = { "=": (a, b) => a === b, "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b };
    const tests = text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
      const [, name, sign, wanted] = word.match(/^(\w+)(<=|>=|=|<|>)(.+)$/) || [];
      if (!name || !names.includes(name)) return (row) => fields.some((field) => asText(field, row[field]).toLowerCase().includes(word));
      const number = wanted.endsWith("%") ? Number(wanted.slice(0, -1)) / 100 : Number(wanted);
      return (row) => {
        const found = row[name];
        if (found === null) return false;
        return typeof found === "number" && !Number.isNaN(number) ? compare[sign](found, number) : compare[sign](String(found).toLowerCase(), wanted);
      };
    });
    return (row) => tests.every((test) => test(row));
  }

  function refresh() {
    const state = byId("state").value;
    const matches = matcher(byId("search").value);
    view.found = rows.filter((row) => (!state || row.state === state) && matches(row));
    if (view.sort) {
      const order = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
      const sign = view.down ? -1 : 1;
      // What is missing comes last either way.
      view.found.sort((a, b) => (a[view.sort] === null) - (b[view.sort] === null) || (a[view.sort] === null ? 0 : sign * order(a[view.sort], b[view.sort])));
    }
    paint();
  }

  function paint() {
    const made = element("tbody");
    for (const row of view.found.slice(0, view.shown)) {
      const line = element("tr");
      for (const name of fields) {
        if (name === "trial") {
          const cell = element("th", undefined, { scope: "row" });
          cell.append(element("button", row.trial, { type: "button", class: "link", "aria-label": `Open trial ${row.trial}` }));
          line.append(cell);
        } else line.append(element("td", asText(name, row[name]), numeric.known[name] ? { class: "n" } : {}));
      }
      made.append(line);
    }
    table.tBodies[0].replaceWith(made);
    byId("count").textContent = `${whole.format(view.found.length)} of ${whole.format(rows.length)} trials`;
    document.querySelector(".more").hidden = view.found.length <= view.shown;
    byId("more").textContent = `Show ${whole.format(Math.min(step, view.found.length - view.shown))} more of ${whole.format(view.found.length)}`;
  }

  function buildTable() {
    numeric.known = Object.fromEntries(fields.map((name) => [name, numeric(name)]));
    const line = element("tr");
    for (const name of fields) {
      const cell = element("th", undefined, { scope: "col", ...(numeric.known[name] ? { class: "n" } : {}) });
      const button = element("button", title(name), { type: "button" });
      button.addEventListener("click", () => {
        view.down = view.sort === name ? !view.down : false;
        view.sort = name;
        for (const other of line.children) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", view.down ? "descending" : "ascending");
        refresh();
      });
      cell.append(button);
      line.append(cell);
    }
    table.tHead.replaceChildren(line);
    for (const state of new Set(rows.map((row) => row.state))) byId("state").append(element("option", state));
    document.querySelector(".tools").hidden = false;
    byId("search").addEventListener("input", () => { view.shown = step; refresh(); });
    byId("state").addEventListener("change", () => { view.shown = step; refresh(); });
    byId("more").addEventListener("click", () => { view.shown += step; paint(); });
    byId("save").addEventListener("click", () => saveCsv("trials", view.found, fields));
    table.addEventListener("click", (event) => {
      const link = event.target.closest(".link");
      if (link) open(Number(link.textContent));
    });
    refresh();
  }

  page.open = open;
  byId("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  if (table) {
    buildTable();
    page.kept.push({
      save: () => ({ search: byId("search").value, state: byId("state").value, sort: view.sort, down: view.down, shown: view.shown }),
      restore: (kept) => {
        byId("search").value = kept.search;
        byId("state").value = kept.state;
        Object.assign(view, { sort: kept.sort, down: kept.down, shown: kept.shown });
        const sorted = table.tHead.rows[0].children[fields.indexOf(kept.sort)];
        if (sorted) sorted.setAttribute("aria-sort", kept.down ? "descending" : "ascending");
        refresh();
      },
    });
  }
})();
