"use strict";
// Draws the charts of a page and shows their data, all of which fcsearch made as JSON.
const page = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const columns = data.columns || {};
  const names = Object.keys(columns);
  const rows = (columns.trial || []).map((_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]])));
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
  const views = new Map();
  // Charts that show their whole axis from the start.
  const wholeAxis = new Set();
  // On a phone the kinds of a legend stand below each other.
  const narrow = (spec) => JSON.parse(JSON.stringify(spec), (key, value) =>
    (["color", "shape", "strokeDash"].includes(key) && value.type === "nominal" && value.legend !== null ? { ...value, legend: { ...value.legend, columns: 1 } } : value));
  const embed = (place, spec) =>
    vegaEmbed(place, place.clientWidth < 340 ? narrow(spec) : spec, { mode: "vega-lite", renderer: "svg", actions: false, ast: true, config: data.config, tooltip: { disableDefaultStyle: true } });

  // Half of them are the best; the others are thinned evenly.
  function sample(most) {
    if (rows.length <= most) return rows;
    const half = most / 2;
    const step = Math.ceil((rows.length - half) / half);
    return [...rows.slice(0, half), ...rows.slice(half).filter((_, i) => i % step === 0)];
  }

  function pick(fields, most) {
    return sample(most).map((row) => Object.fromEntries(fields.filter((name) => row[name] !== null).map((name) => [name, row[name]])));
  }

  // Parallel axes, as far apart as the page allows; if not all fit, those that matter least are left out.
  function across(place, all, labels) {
    const last = all.length - 1;
    // Beside the labels of the axes, those of the results and the margins take room.
    const each = (count) => Math.floor((place.clientWidth - 154 - labels.slice(0, count).reduce((sum, label) => sum + label, 0)) / count);
    let count = last;
    while (count > 1 && each(count) < 28) count -= 1;
    const note = place.parentElement.querySelector(".drawn");
    note.textContent = count < last ? `${count} of ${last} parameters fit here; a wider page shows all.` : "";
    const drawn = new Set([...Array(count).keys(), last].map((axis) => `range${axis}`));
    const views = JSON.parse(JSON.stringify([...all.slice(0, count), all[last]]), (key, value) =>
      (key === "and" ? value.filter((part) => drawn.has(part.param)) : value));
    for (const view of views.slice(0, -1)) view.width = Math.max(24, each(count));
    views[count - 1].encoding.y2.field = `p${last}`;
    return views;
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
      spec.hconcat = across(place, spec.hconcat, chart.labels);
    }
    if (wholeAxis.has(place.dataset.chart)) spec.params = spec.params && spec.params.map((param) => (param.name === "everything" ? { ...param, value: true } : param));
    const { view } = await embed(place, spec);
    views.set(place.dataset.chart, view);
    place.style.minHeight = "";
    view.addEventListener("click", (event, item) => {
      const trial = item && item.datum && item.datum.trial;
      if (shared.open && byTrial.has(trial)) shared.open(trial);
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

  for (const details of document.querySelectorAll("details.data")) {
    details.addEventListener("toggle", () => details.open && details.children.length === 1 && showData(details));
  }
  // Charts of several views do not follow the width of the page by themselves.
  let resized;
  addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(() => document.querySelectorAll(".across").forEach(draw), 300);
  });
  // The other scripts of the page have run by then: what they keep over a reload is in place.
  document.addEventListener("DOMContentLoaded", drawAll);
  // The function that opens a trial, and the state kept over a reload: `save` returns JSON, `restore` takes it.
  const shared = { open: undefined, kept: [] };
  return Object.assign(shared, { data, byId, element, names, rows, byTrial, asText, title, whole, embed, saveCsv, views, wholeAxis });
})();
