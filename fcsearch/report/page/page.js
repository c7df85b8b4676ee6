"use strict";
// Draws the charts, opens trials, and sorts and searches their table. All that is shown was made by fcsearch as JSON.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const names = Object.keys(data.columns);
  const rows = (data.columns.trial || []).map((_, i) => Object.fromEntries(names.map((name) => [name, data.columns[name][i]])));
  const byTrial = new Map(rows.map((row) => [row.trial, row]));
  const percent = data.format.endsWith("%");
  const whole = new Intl.NumberFormat("en");
  const asText = (name, value) => {
    if (value === null || value === undefined) return "";
    if (percent && (name === "value" || name === "training")) return `${(100 * value).toFixed(2)}%`;
    if (name === "size") return whole.format(value);
    if (typeof value !== "number" || Number.isInteger(value)) return String(value);
    return Math.abs(value) < 1e-4 ? String(Number(value.toPrecision(3)).toExponential()) : String(Number(value.toPrecision(4)));
  };
  const titles = { value: data.title, size: "weights and biases", why: "why it ended", at: data.clock, best_epoch: "best epoch", epochs_run: "epochs run" };
  const title = (name) => titles[name] || name;
  const element = (tag, text, attributes = {}) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };

  // --- charts ---
  const configFor = (place) => (place.clientWidth < 340 ? { ...data.config, legend: { ...data.config.legend, columns: 1 } } : data.config);
  const embed = (place, spec) =>
    vegaEmbed(place, spec, { mode: "vega-lite", renderer: "svg", actions: false, ast: true, config: configFor(place), tooltip: { disableDefaultStyle: true } });

  // The first half is the best; of the others every so many.
  function sample(most) {
    if (rows.length <= most) return rows;
    const half = most / 2;
    const step = Math.ceil((rows.length - half) / half);
    return [...rows.slice(0, half), ...rows.slice(half).filter((_, i) => i % step === 0)];
  }

  function pick(fields, most) {
    return sample(most).map((row) => Object.fromEntries(fields.filter((name) => row[name] !== null).map((name) => [name, row[name]])));
  }

  async function draw(place) {
    const chart = data.charts[place.dataset.chart];
    const spec = { ...chart.spec };
    if (chart.fields.length) {
      spec.datasets = { trials: pick(chart.fields, chart.most) };
      const drawn = spec.datasets.trials.length;
      if (drawn < rows.length) place.parentElement.querySelector(".drawn").textContent = `${whole.format(drawn)} of ${whole.format(rows.length)} trials are drawn, the best among them.`;
    }
    if (spec.hconcat) {
      place.classList.add("across");
      const widths = spec.hconcat.slice(0, -1);
      const each = Math.max(40, Math.floor((place.clientWidth - chart.labels) / widths.length));
      spec.hconcat = [...widths.map((view) => ({ ...view, width: each })), spec.hconcat.at(-1)];
    }
    const { view } = await embed(place, spec);
    view.addEventListener("click", (event, item) => {
      const trial = item && item.datum && item.datum.trial;
      if (byTrial.has(trial)) open(trial);
    });
  }

  async function drawAll() {
    for (const place of document.querySelectorAll("[data-chart]")) {
      await draw(place);
      // Lets the page answer between two charts.
      await new Promise((done) => setTimeout(done));
    }
    document.documentElement.dataset.drawn = "yes";
  }

  // --- a chart's data ---
  function valuesOf(spec) {
    const found = [];
    const visit = (part) => {
      if (part.data && part.data.values) found.push(...part.data.values);
      for (const inner of [...(part.layer || []), ...(part.hconcat || [])]) visit(inner);
    };
    visit(spec);
    return found;
  }

  function showData(details) {
    const chart = data.charts[details.parentElement.querySelector("[data-chart]").dataset.chart];
    const shown = chart.fields.length ? rows : valuesOf(chart.spec);
    const fields = chart.fields.length ? chart.fields : [...new Set(shown.flatMap((row) => Object.keys(row)))].filter((name) => !/^p\d+$/.test(name));
    const scroll = element("div", undefined, { class: "scroll", tabindex: "0", role: "region", "aria-label": "Data of the chart" });
    const table = element("table");
    table.append(head(fields), body(shown.slice(0, 200), fields));
    scroll.append(table);
    const save = element("button", `Save all ${whole.format(shown.length)} rows as CSV`, { type: "button" });
    save.addEventListener("click", () => saveCsv(details.parentElement.id, shown, fields));
    details.append(scroll, save);
  }

  function head(fields) {
    const row = element("tr");
    for (const name of fields) row.append(element("th", title(name), { scope: "col" }));
    const made = element("thead");
    made.append(row);
    return made;
  }

  function body(shown, fields) {
    const made = element("tbody");
    for (const row of shown) {
      const line = element("tr");
      for (const name of fields) line.append(element("td", asText(name, row[name])));
      made.append(line);
    }
    return made;
  }

  function saveCsv(name, shown, fields) {
    const cell = (value) => {
      const text = value === null || value === undefined ? "" : String(value);
      return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const lines = [fields, ...shown.map((row) => fields.map((field) => row[field]))];
    const blob = new Blob([lines.map((line) => line.map(cell).join(",")).join("\n") + "\n"], { type: "text/csv" });
    const link = element("a", undefined, { href: URL.createObjectURL(blob), download: `${name}.csv` });
    link.click();
    URL.revokeObjectURL(link.href);
  }

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
      place.textContent = "Its learning curve is not in this page; the table of epochs in the run directory has it.";
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

  for (const details of document.querySelectorAll("details.data")) {
    details.addEventListener("toggle", () => details.open && details.children.length === 1 && showData(details));
  }
  byId("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  // Charts of several views do not follow the width of the page by themselves.
  let resized;
  addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(() => document.querySelectorAll(".across").forEach(draw), 300);
  });
  if (table) buildTable();
  drawAll();
})();
