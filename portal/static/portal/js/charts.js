/* Draws the charts of a page with ECharts in the place of the server's drawings, and gives them a shared cursor.

   What is drawn stands as JSON in each chart's frame; what is said (cursor, announcements) is read from the frame's own
   table, so that both say the same. Frames may be swapped or morphed at any time: a chart keeps its ECharts instance,
   its zoom and its cursor as long as a frame of its id is on the page, and is disposed of when none is left.

   The cursor is ours and not ECharts' tooltip: one function serves mouse, touch, keyboard and the other charts of the
   page (echarts.connect pairs points by their index, which is wrong between hours and quarter-hours), moving it repaints
   no canvas, and its box is built of elements and classes alone: `style-src 'self'` holds. */

const echarts = window.echarts;
const MARGIN = { left: 50, right: 22, top: 20 };
const AXIS = 24;
const STRIP = 58;
const BAR = 30;
const MINUTE = 60e3;
const HOUR = 60 * MINUTE;
const TICK_STEPS = [15, 30, 60, 120, 180, 360, 720, 1440].map((minutes) => minutes * MINUTE);
const LEAST_VIEW = HOUR;
const LOOKS = {
  me: { color: "ink" },
  me2: { color: "ink", type: [9, 3] },
  me3: { color: "dim", type: [2, 3] },
  del: { color: "ink" },
  fc: { color: "accent", type: [5, 4] },
  fc2: { color: "accent", type: [9, 3, 2, 3] },
  fc3: { color: "accent", type: [2, 3] },
  plan: { color: "accent" },
};
const TOKENS = ["ink", "dim", "line", "control-line", "accent", "band", "bar", "warn", "alarm", "panel"];

/* ---- Central time ---- */

const parts = new Intl.DateTimeFormat("en-US", {
  timeZone: "America/Chicago",
  hourCycle: "h23",
  weekday: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
});

function central(at) {
  const found = {};
  for (const { type, value } of parts.formatToParts(at)) found[type] = value;
  return { ...found, clock: `${found.hour}:${found.minute}`, minutes: Number(found.hour) * 60 + Number(found.minute) };
}

function hourWords(at) {
  const here = central(at);
  if (here.minutes === 0) return `${here.weekday} ${here.day}`;
  const twice = [-HOUR, HOUR].some((by) => central(at + by).clock === here.clock);
  return twice ? `${here.clock} ${here.timeZoneName}` : here.clock;
}

/* On round hours of Central time; stepping in UTC, so the repeated hour stands there twice. */
function ticks(from, to, most) {
  const step = TICK_STEPS.find((length) => (to - from) / length <= most) ?? TICK_STEPS.at(-1);
  const stride = Math.min(step, HOUR);
  const found = [];
  for (let at = Math.ceil(from / stride) * stride; at <= to; at += stride) {
    if ((central(at).minutes * MINUTE) % step === 0) found.push(at);
  }
  return found;
}

/* ---- colours: whatever the style sheets make of the tokens now ---- */

function readTheme() {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const theme = { font: getComputedStyle(document.body).fontFamily };
  for (const token of TOKENS) {
    probe.style.color = `var(--${token})`;
    theme[token] = getComputedStyle(probe).color;
  }
  probe.remove();
  return theme;
}

/* ---- from the data to ECharts' option ---- */

function option(data, theme, view, width) {
  const { from, to } = view;
  const room = width - MARGIN.left - MARGIN.right;
  const grids = [
    { top: MARGIN.top, bottom: AXIS + (data.strip ? STRIP + 8 : 0) },
    ...(data.strip ? [{ height: STRIP, bottom: AXIS }] : []),
  ].map((grid, i) => ({ id: `grid${i}`, left: MARGIN.left, right: MARGIN.right, outerBoundsMode: "none", ...grid }));
  const last = grids.length - 1;
  const marked = ticks(from, to, Math.max(3, Math.floor(room / 90)));
  return {
    animation: false,
    textStyle: { fontFamily: theme.font, fontSize: 12, color: theme.dim },
    grid: grids,
    xAxis: grids.map((_grid, i) => timeAxis(i, i === last, view, marked, theme)),
    yAxis: [valueAxis(data, theme), ...(data.strip ? [stripAxis(data.strip, theme)] : [])],
    series: [
      marks(data, theme, view, 0),
      ...data.bands.flatMap((points, i) => band(points, i, theme)),
      ...data.lines.flatMap((line, i) => lineSeries(line, i, theme)),
      ...(data.strip ? [bars(data.strip, theme, (room * data.strip.step) / (to - from)), marks(data, theme, view, 1)] : []),
    ],
  };
}

function timeAxis(index, labelled, { from, to }, marked, theme) {
  return {
    id: `time${index}`,
    gridIndex: index,
    type: "value",
    min: from,
    max: to,
    containShape: false,
    axisLine: { show: labelled, onZero: false, lineStyle: { color: theme["control-line"] } },
    axisTick: { show: labelled, customValues: marked, lineStyle: { color: theme["control-line"] } },
    splitLine: { show: false },
    axisLabel: { show: labelled, customValues: marked, formatter: hourWords, color: theme.dim, hideOverlap: true },
  };
}

function valueAxis(data, theme) {
  const words = (value) => (value / data.scale).toLocaleString("en-US", fixed(data.places));
  return {
    id: "value0",
    type: "value",
    min: data.low,
    max: data.high,
    interval: data.step,
    name: data.unit,
    nameGap: 6,
    nameTextStyle: { align: "left", color: theme.dim },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: theme.line } },
    axisLabel: { formatter: words, color: theme.dim },
  };
}

function fixed(places) {
  return { minimumFractionDigits: places, maximumFractionDigits: places };
}

function stripAxis(strip, theme) {
  return {
    id: "value1",
    gridIndex: 1,
    type: "value",
    min: 0,
    max: STRIP / BAR,
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: { customValues: [0.3], formatter: () => strip.unit, color: theme.dim },
  };
}

function lineSeries({ kind, points, dots }, index, theme) {
  const look = LOOKS[kind] ?? LOOKS.me;
  const color = theme[look.color];
  const drawn = {
    id: `line${index}`,
    type: "line",
    silent: true,
    symbol: "none",
    data: points,
    lineStyle: { color, width: 2, type: look.type ?? "solid" },
  };
  const dotted = { symbol: "circle", symbolSize: 7, showSymbol: true, showAllSymbol: true, lineStyle: { width: 0 } };
  return dots.length ? [drawn, { ...drawn, id: `dots${index}`, data: dots, itemStyle: { color }, ...dotted }] : [drawn];
}

/* Two lines that are not seen, the upper stacked on the lower with the area between them. */
function band(points, index, theme) {
  const side = (id, value, area) => ({
    id: `band${index}${id}`,
    type: "line",
    silent: true,
    symbol: "none",
    stack: `band${index}`,
    stackStrategy: "all",
    lineStyle: { width: 0 },
    data: points.map(([at, low, high]) => [at, low === null ? null : value(low, high)]),
    ...(area ? { areaStyle: { color: theme.band, opacity: 1 } } : {}),
  });
  return [side("low", (low) => low, false), side("high", (low, high) => high - low, true)];
}

function bars(strip, theme, step) {
  const highest = Math.max(...strip.bars.map(([, share]) => share));
  const peak = strip.bars.findIndex(([, share]) => share === highest);
  return {
    id: "bars",
    type: "bar",
    silent: true,
    xAxisIndex: 1,
    yAxisIndex: 1,
    barWidth: Math.max(1, step * 0.6),
    barMinHeight: 1.5,
    data: strip.bars.map(([at, share, hot], i) => ({
      value: [at + strip.step / 2, share],
      itemStyle: { color: hot ? theme.alarm : theme.bar },
      label: {
        show: hot || i === peak,
        position: "top",
        distance: 2,
        formatter: [i === peak ? `{dim|${strip.peak}}` : "", hot ? "{hot|▲}" : ""].filter(Boolean).join("\n"),
        rich: { dim: { color: theme.dim, fontSize: 12 }, hot: { color: theme.alarm, fontSize: 9, lineHeight: 10 } },
      },
    })),
  };
}

/* What stands behind and across the lines: windows, limits, now; words only in the main grid. */
function marks(data, theme, view, grid) {
  const inView = (at) => at >= view.from && at <= view.to;
  const label = { color: theme.ink, fontWeight: 600, textBorderColor: theme.panel, textBorderWidth: 3 };
  const now = data.now !== null && inView(data.now) ? [data.now] : [];
  return {
    id: `marks${grid}`,
    type: "line",
    silent: true,
    symbol: "none",
    xAxisIndex: grid,
    yAxisIndex: grid,
    data: [[data.start, null]],
    markArea: { silent: true, data: windows(data, theme, view, label, grid === 0) },
    markLine: {
      silent: true,
      symbol: "none",
      animation: false,
      data: [
        ...now.map((at) => ({
          xAxis: at,
          lineStyle: { color: theme.ink, width: 1, type: "solid" },
          label: { ...label, show: grid === 0, position: "end", distance: 4, formatter: `now ${central(at).clock}` },
        })),
        ...(grid === 0 ? data.limits.map((limit) => limitLine(limit, theme, label)) : []),
      ],
    },
  };
}

function limitLine({ value, words, kind }, theme, label) {
  const aim = kind === "aim";
  return {
    yAxis: value,
    lineStyle: { color: aim ? theme.ink : theme.warn, width: 1.5, type: aim ? [10, 4] : [3, 3] },
    label: { ...label, fontWeight: 400, position: "insideEndTop", formatter: words },
  };
}

function windows(data, theme, view, label, worded) {
  return data.windows
    .filter((span) => span.end > view.from && span.start < view.to)
    .map((span, i) => {
      const start = Math.max(span.start, view.from);
      const late = start > view.from + 0.62 * (view.to - view.from);
      return [
        {
          xAxis: start,
          itemStyle: {
            color: theme.band,
            borderColor: theme.accent,
            borderWidth: 1,
            borderType: span.kind === "sent" ? "solid" : [2, 3],
          },
          label: {
            ...label,
            show: worded,
            formatter: span.words,
            position: late ? "insideTopRight" : "insideTopLeft",
            offset: [0, 16 * i],
          },
        },
        { xAxis: Math.min(span.end, view.to) },
      ];
    });
}

/* ---- one chart ---- */

function make(name, className, more = {}) {
  return Object.assign(document.createElement(name), { className, ...more });
}

class Plot {
  constructor() {
    this.host = make("div", "chart-plot", { tabIndex: 0 });
    this.host.setAttribute("role", "application");
    this.host.setAttribute("aria-roledescription", "chart");
    this.canvas = make("div", "chart-canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.line = make("div", "chart-cursor", { hidden: true });
    this.tip = make("div", "chart-tip", { hidden: true });
    this.tip.setAttribute("aria-hidden", "true");
    this.said = make("div", "visually-hidden");
    this.said.setAttribute("aria-live", "polite");
    this.host.append(this.canvas, this.line, this.tip, this.said);
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
      this.host.setAttribute("aria-describedby", `${frame.id}-words`);
      if (this.focused) this.host.focus({ preventScroll: true });
    }
    for (const part of [this.canvas, this.line, this.tip, this.said]) {
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
    theme ??= readTheme();
    this.chart ??= echarts.init(this.canvas, null, { renderer: RENDERER });
    if (this.chart.getWidth() !== width || this.chart.getHeight() !== height) this.chart.resize({ width, height });
    this.chart.setOption(option(this.data, theme, this.view, width), { replaceMerge: ["series"] });
    this.show(cursor);
  }

  dispose() {
    this.watch.disconnect();
    this.chart?.dispose();
  }

  /* ---- cursor ---- */

  nearest(at) {
    const { start, end } = this.data;
    if (at === null || at < start || at > end || !this.rows.length) return -1;
    let best = 0;
    this.rows.forEach((row, i) => {
      if (Math.abs(row.at - at) < Math.abs(this.rows[best].at - at)) best = i;
    });
    return best;
  }

  show(at) {
    this.index = this.nearest(at);
    const here = this.rows[this.index];
    const x = here ? this.chart?.convertToPixel({ xAxisId: "time0" }, here.at) : NaN;
    const shown = x >= MARGIN.left - 1 && x <= this.host.clientWidth - MARGIN.right + 1;
    this.line.hidden = this.tip.hidden = !shown;
    this.highlight(here?.row);
    if (!shown) return;
    this.line.style.transform = `translateX(${Math.round(x)}px)`;
    this.tip.replaceChildren(...this.lines(here.row));
    const { offsetWidth: width } = this.tip;
    const beside = x > this.host.clientWidth / 2 ? x - width - 10 : x + 10;
    const left = Math.max(0, Math.min(beside, this.host.clientWidth - width));
    this.tip.style.transform = `translate(${Math.round(left)}px, ${MARGIN.top + 4}px)`;
  }

  highlight(row) {
    if (this.lit === row) return;
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

  /* What a row says, as [name, text, unit], without what it says nothing about. */
  values(row) {
    const heads = [...this.table.querySelectorAll("th[data-name]")];
    return [...row.querySelectorAll("td")]
      .map((cell, i) => [heads[i].dataset.name, cell.textContent, cell.classList.contains("dim") ? "" : heads[i].dataset.unit])
      .filter(([, text]) => text);
  }

  lines(row) {
    const list = make("div", "chart-values");
    for (const [name, text, unit] of this.values(row)) {
      const value = make("b", unit ? "" : "gap", { textContent: `${text} ${unit}`.trim() });
      list.append(make("span", "", { textContent: name }), value);
    }
    return [make("div", "chart-at", { textContent: row.querySelector("th").textContent }), list];
  }

  say() {
    const here = this.rows[this.index];
    if (!here) return;
    const words = this.values(here.row).map(([name, text, unit]) => `${name} ${text} ${unit}`.trim());
    this.said.textContent = `${here.row.querySelector("th").textContent}: ${words.join(", ")}`;
  }

  /* ---- hands ---- */

  listen() {
    const { host } = this;
    host.addEventListener("pointermove", (event) => this.pointed(event));
    host.addEventListener("pointerdown", (event) => this.pointed(event));
    host.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && point(null));
    host.addEventListener("keydown", (event) => this.pressed(event));
    host.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    host.addEventListener("focus", () => (this.focused = true));
    // A swap takes the focus away with the frame; only somebody leaving takes it away from a chart that is still there.
    host.addEventListener("blur", () => queueMicrotask(() => host.isConnected && this.left()));
    this.watch = new ResizeObserver(() => this.data && this.draw());
    this.watch.observe(host);
  }

  left() {
    this.focused = document.activeElement === this.host;
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
    const start = this.nearest(this.data.now ?? this.data.start);
    this.jump(this.index >= 0 ? this.index + by : Math.max(start, 0));
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
    const length = Math.max((to - from) * factor, Math.min(LEAST_VIEW, whole));
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

const RENDERER = "canvas";
const plots = new Map();
let theme = null;
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
  theme = null;
  for (const plot of plots.values()) plot.draw();
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
