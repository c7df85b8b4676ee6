"use strict";
// Looks for a newer page while the search is running, and keeps what the reader has opened, chosen and scrolled to.
(() => {
  const { every, written } = page.data.reload;
  const said = page.byId("written");
  const button = page.byId("pause");
  const plots = () => [...document.querySelectorAll("[data-chart]")];
  const details = () => [...document.querySelectorAll("details")];
  const root = document.documentElement;
  let paused = false;

  page.kept.push(
    {
      save: () => details().map((part) => part.open),
      restore: (open) => details().forEach((part, i) => { part.open = open[i] === undefined ? part.open : open[i]; }),
    },
    {
      save: () => plots().filter((place) => (place.querySelector("input[type=checkbox]") || {}).checked).map((place) => place.dataset.chart),
      restore: (names) => names.forEach((name) => page.wholeAxis.add(name)),
    },
    {
      // Charts are as tall before they are drawn, so that the page does not jump.
      save: () => Object.fromEntries(plots().map((place) => [place.dataset.chart, place.offsetHeight])),
      restore: (heights) => plots().forEach((place) => { if (heights[place.dataset.chart]) place.style.minHeight = `${heights[place.dataset.chart]}px`; }),
    },
    { save: () => [...document.querySelectorAll(".scroll")].map((part) => [part.scrollLeft, part.scrollTop]),
      restore: (places) => [...document.querySelectorAll(".scroll")].forEach((part, i) => places[i] && part.scrollTo(...places[i])) },
    { save: () => [scrollX, scrollY], restore: (place) => scrollTo({ left: place[0], top: place[1], behavior: "instant" }) },
    { save: () => document.activeElement.id, restore: (id) => id && page.byId(id) && page.byId(id).focus({ preventScroll: true }) },
    { save: () => Number(root.dataset.reloads || 0) + 1, restore: (count) => { root.dataset.reloads = count; } },
    { save: () => paused, restore: (value) => { paused = value; } },
  );

  // The entry of the page in the history of its tab outlives a reload, also of a file.
  function restore() {
    const kept = history.state && history.state.fcsearch;
    history.scrollRestoration = "manual";
    if (kept) page.kept.forEach((part, i) => { if (kept[i] !== undefined) part.restore(kept[i]); });
  }

  function reload() {
    history.replaceState({ fcsearch: page.kept.map((part) => part.save()) }, "");
    // The last page does not have this script: there the browser goes back to the place.
    history.scrollRestoration = "auto";
    location.reload();
  }

  let touched = 0;
  for (const name of ["pointerdown", "pointermove", "keydown", "wheel", "touchmove"]) addEventListener(name, () => { touched = Date.now(); }, { passive: true });

  // Lines of the parallel coordinates are chosen by ranges on their axes.
  function brushed() {
    const view = page.views.get("parallel");
    for (let axis = 0; view; axis += 1) {
      try {
        if (view.data(`range${axis}_store`).length) return true;
      } catch {
        return false;
      }
    }
    return false;
  }

  // What a reload would interrupt: an action in progress, an open trial, a selection of text or of lines.
  const busy = () => document.hidden || root.dataset.drawn !== "yes" || Date.now() - touched < 3000 ||
    document.querySelector("dialog[open]") !== null || String(getSelection()) !== "" || brushed();

  const since = () => (Date.now() - written) / 1000;
  // After this time the search has ended, or this is a copy of the page that is no longer written.
  const patience = Math.max(600, 10 * every);
  const opened = Date.now();

  function look() {
    if (since() > patience) {
      said.textContent = `${said.textContent.split(";")[0]}. There is nothing newer: the search has ended, or this is a copy. Reload the page to look again.`;
      button.hidden = true;
      clearInterval(timer);
    } else if (!paused && Date.now() - opened > 1000 * every && !busy()) reload();
  }

  button.hidden = false;
  button.addEventListener("click", () => { paused = !paused; show(); });
  const show = () => { button.textContent = paused ? "Look for a newer page again" : "Stop that"; };
  restore();
  show();
  const timer = setInterval(look, 1000);
})();
