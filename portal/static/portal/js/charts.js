/* Draws the charts of a page with ECharts in the place of the server's drawings, and gives them a shared cursor.

   What is drawn stands as JSON in each chart's frame; what is said (cursor, announcements) is read from the frame's own
   table, so that both say the same. Frames may be swapped or morphed at any time: a chart keeps its ECharts instance,
   its zoom and its cursor as long as a frame of its id is on the page, and is disposed of when none is left.

   The cursor is ours and not ECharts' tooltip: one function serves mouse, touch, keyboard and the other charts of the
   page (echarts.connect pairs points by their index, which is wrong between hours and quarter-hours), moving it repaints
   no canvas, and its box is built of elements and classes alone: `style-src 'self'` holds. */

import { HOUR } from "./charts/central.js";
import { floor, margins, option, readTheme } from "./charts/option.js";
import { lines, make, sentence } from "./charts/words.js";

const { echarts } = window;
// As fast as a canvas here (about 10 ms to draw, 8 to update), sharp at any density and on paper, and without a bitmap.
const RENDERER = "svg";
const KEYS = "← → step, + − zoom, Esc leaves";

/* ---- one chart ---- */

class Plot {
  constructor() {
    this.host = make("div", "chart-plot", { tabIndex: 0 });
    this.host.setAttribute("role", "application");
    this.host.setAttribute("aria-roledescription", "chart");
    this.drawing = make("div", "chart-drawing");
    this.drawing.setAttribute("aria-hidden", "true");
    this.line = make("div", "chart-cursor", { hidden: true });
    this.tip = make("div", "chart-tip", { hidden: true });
    this.tip.setAttribute("aria-hidden", "true");
    this.said = make("div", "visually-hidden");
    this.said.setAttribute("aria-live", "polite");
    this.keys = make("div", "chart-keys", { textContent: KEYS });
    this.all = make("button", "chart-all", { type: "button", textContent: "show all", hidden: true });
    this.parts = [this.drawing, this.line, this.tip, this.said, this.keys, this.all];
    this.host.append(...this.parts);
    this.zoom = null;
    this.open = false;
    this.focused = false;
    this.listen();
  }

  /* Take this frame's place and data, whether it is new, the same, or has been swapped for another. */
  attach(frame) {
    this.frame = frame;
    const box = frame.querySelector(".chart-box");
    if (this.host.parentElement !== box) {
      box.append(this.host);
      this.host.setAttribute("aria-label", frame.querySelector("h2").textContent);
      this.keys.id = `${frame.id}-keys`;
      this.host.setAttribute("aria-describedby", `${frame.id}-words ${this.keys.id}`);
      if (this.focused) this.host.focus({ preventScroll: true });
    }
    for (const part of this.parts) {
      if (part.parentElement !== this.host) this.host.append(part);
    }
    const text = frame.querySelector("script[type='application/json']").textContent;
    const table = frame.querySelector(".chart-table");
    if (this.open && !table.open) table.open = true;
    if (text === this.text && table === this.table) return;
    this.text = text;
    this.table = table;
    this.data = JSON.parse(text);
    this.rows = [...table.querySelectorAll("tr[data-at]")].map((row) => ({ at: Number(row.dataset.at), row }));
    this.draw();
  }

  get view() {
    const { start, end } = this.data;
    if (!this.zoom) return { from: start, to: end };
    const length = Math.min(this.zoom.to - this.zoom.from, end - start);
    const from = Math.min(Math.max(this.zoom.from, start), end - length);
    return { from, to: from + length };
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (!width || !height) return;
    this.theme ??= readTheme(this.keys);
    this.chart ??= echarts.init(this.drawing, null, { renderer: RENDERER });
    if (this.chart.getWidth() !== width || this.chart.getHeight() !== height) this.chart.resize({ width, height });
    this.all.hidden = !this.zoom;
    this.chart.setOption(option(this.data, this.theme, this.view, width), { replaceMerge: ["series"] });
    this.show(cursor);
  }

  dispose() {
    this.watch.disconnect();
    this.chart?.dispose();
  }

  /* ---- cursor ---- */

  /* The row next to an instant, -1 without any. */
  nearest(at) {
    let best = -1;
    this.rows.forEach((row, i) => {
      if (best < 0 || Math.abs(row.at - at) < Math.abs(this.rows[best].at - at)) best = i;
    });
    return best;
  }

  /* The row that speaks for an instant: not one that lies an hour, or its neighbours' distance, away. */
  rowAt(at) {
    const i = this.nearest(at);
    const distances = [i - 1, i + 1].map((other) => Math.abs(this.rows[other]?.at - this.rows[i]?.at)).filter(Boolean);
    return Math.abs(this.rows[i]?.at - at) <= Math.max(HOUR, ...distances) ? i : -1;
  }

  show(at) {
    if (!this.chart) return;
    const { start, end } = this.data;
    const within = at !== null && at >= start && at <= end;
    this.index = within ? this.rowAt(at) : -1;
    const here = this.rows[this.index];
    const { left, right, top } = margins(this.theme);
    const x = within ? this.chart.convertToPixel({ xAxisId: "time0" }, here?.at ?? at) : NaN;
    const shown = x >= left - 1 && x <= this.host.clientWidth - right + 1;
    this.line.hidden = !shown;
    this.tip.hidden = !shown || !here;
    this.highlight(here?.row);
    if (!shown) return;
    this.line.style.transform = `translateX(${Math.round(x)}px)`;
    if (!here) return;
    this.tip.replaceChildren(...lines(here.row));
    const { offsetWidth: width } = this.tip;
    const beside = x > this.host.clientWidth / 2 ? x - width - 10 : x + 10;
    const inside = Math.max(0, Math.min(beside, this.host.clientWidth - width));
    this.tip.style.transform = `translate(${Math.round(inside)}px, ${Math.round(this.clear(here.at, top))}px)`;
  }

  /* Where the box leaves the line at the cursor to be seen: under the upper edge, or low in the main grid. */
  clear(at, top) {
    const bottom = this.host.clientHeight - floor(this.data, this.theme) - this.tip.offsetHeight - 4;
    const known = this.data.lines.flatMap(({ points }) => points).filter(([, value]) => value !== null);
    const near = known.sort((one, other) => Math.abs(one[0] - at) - Math.abs(other[0] - at))[0];
    const y = near ? this.chart.convertToPixel({ yAxisId: "value0" }, near[1]) : Infinity;
    return y < top + 12 + this.tip.offsetHeight ? Math.max(bottom, top + 4) : top + 4;
  }

  highlight(row) {
    if (this.lit === row && (!row || row.classList.contains("is-at"))) return;
    this.lit?.classList.remove("is-at");
    row?.classList.add("is-at");
    this.lit = row;
    if (!row || !this.table.open) return;
    const box = row.closest(".chart-rows");
    const head = box.querySelector("thead").offsetHeight;
    const top = row.offsetTop - head;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (row.offsetTop + row.offsetHeight > box.scrollTop + box.clientHeight) {
      box.scrollTop = row.offsetTop + row.offsetHeight - box.clientHeight;
    }
  }

  say() {
    const here = this.rows[this.index];
    if (here) this.said.textContent = sentence(here.row);
  }

  /* ---- hands ---- */

  listen() {
    const { host } = this;
    host.addEventListener("pointermove", (event) => this.pointed(event));
    host.addEventListener("pointerdown", (event) => this.pointed(event));
    host.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && point(null));
    this.all.addEventListener("click", () => this.zoomed(Infinity));
    host.addEventListener("keydown", (event) => this.pressed(event));
    host.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    host.addEventListener("focus", () => (this.focused = true));
    // A swap takes the focus away with the frame; only somebody leaving takes it away from a chart that is still there.
    host.addEventListener("blur", () => queueMicrotask(() => this.left()));
    this.watch = new ResizeObserver(() => this.data && this.draw());
    this.watch.observe(host);
  }

  left() {
    if (this.host.isConnected) this.focused = document.activeElement === this.host;
  }

  at(event) {
    const x = event.clientX - this.host.getBoundingClientRect().left;
    return this.chart?.convertFromPixel({ xAxisId: "time0" }, x) ?? null;
  }

  pointed(event) {
    const at = this.at(event);
    if (at !== null) point(Math.min(Math.max(at, this.view.from), this.view.to));
  }

  pressed(event) {
    if (event.target !== this.host) return;
    const act = {
      ArrowRight: () => this.step(1),
      ArrowLeft: () => this.step(-1),
      Home: () => this.jump(0),
      End: () => this.jump(this.rows.length - 1),
      Escape: () => (point(null), this.host.blur()),
      "+": () => this.zoomed(0.5),
      "-": () => this.zoomed(2),
      0: () => this.zoomed(Infinity),
    }[event.key === "=" ? "+" : event.key];
    if (!act || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  }

  step(by) {
    this.jump(this.index >= 0 ? this.index + by : this.nearest(cursor ?? this.data.now ?? this.data.start));
  }

  jump(to) {
    const here = this.rows[Math.min(Math.max(to, 0), this.rows.length - 1)];
    if (!here) return;
    const { from, to: until } = this.view;
    if (this.zoom && (here.at < from || here.at > until)) {
      this.zoom = { from: here.at - (until - from) / 2, to: here.at + (until - from) / 2 };
      this.draw();
    }
    point(here.at);
    this.say();
  }

  /* Around the cursor, or else around the middle. */
  zoomed(factor, around = this.rows[this.index]?.at) {
    const { from, to } = this.view;
    const whole = this.data.end - this.data.start;
    const length = Math.max((to - from) * factor, Math.min(HOUR, whole));
    const middle = around ?? (from + to) / 2;
    const share = (middle - from) / (to - from);
    this.zoom = length >= whole ? null : { from: middle - share * length, to: middle + (1 - share) * length };
    this.draw();
  }

  wheeled(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    this.zoomed(event.deltaY < 0 ? 0.8 : 1.25, this.at(event) ?? undefined);
  }
}

/* ---- all charts of the page ---- */

const plots = new Map();
let cursor = null;

function point(at) {
  cursor = at;
  for (const plot of plots.values()) plot.show(at);
}

function attachAll() {
  for (const [id, plot] of plots) {
    if (!document.getElementById(id)?.querySelector(".chart-box")) {
      plot.dispose();
      plots.delete(id);
    }
  }
  for (const frame of document.querySelectorAll(".chart[id]:has(> .chart-box)")) {
    if (!plots.has(frame.id)) plots.set(frame.id, new Plot());
    plots.get(frame.id).attach(frame);
  }
}

function repaint() {
  for (const plot of plots.values()) {
    plot.theme = null;
    plot.draw();
  }
}

if (echarts) {
  new MutationObserver((records) => {
    if (records.some(({ target }) => !target.parentElement?.closest(".chart-plot"))) attachAll();
  }).observe(document.body, { childList: true, characterData: true, subtree: true });
  new MutationObserver(repaint).observe(document.documentElement, { attributeFilter: ["data-theme", "class"] });
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "(prefers-contrast: more)"]) {
    matchMedia(query).addEventListener("change", repaint);
  }
  document.addEventListener("toggle", ({ target }) => {
    const plot = plots.get(target.closest?.(".chart[id]")?.id);
    if (plot && target === plot.table && target.isConnected) plot.open = target.open;
  }, true);
  document.addEventListener("pointerdown", ({ target }) => target.closest(".chart-plot") || point(null));
  attachAll();
}
