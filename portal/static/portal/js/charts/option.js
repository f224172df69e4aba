/* From a chart's data (portal/views/charts/data.py) to ECharts' option. Colours and sizes come with the theme. */

import { central, hourWords, ticks } from "./central.js";

const LEFT = 50;
const RIGHT = 22;
const TOP = 20;
const AXIS = 24;
const STRIP = 64;
const BAR = 30;
const LIMIT_WORDS_FROM = 700; // px of room; with less a limit's words stand in the legend alone
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

/* Whatever the style sheets make of the tokens in this place now: light, dark, forced colors, a larger text. */
export function readTheme(place) {
  const probe = document.createElement("span");
  place.append(probe);
  probe.style.forcedColorAdjust = "none";
  probe.style.fontSize = "var(--text-s)";
  const size = parseFloat(getComputedStyle(probe).fontSize) || 12;
  // System colours have no transparency of their own: a band must not hide what is drawn on it.
  const theme = { font: getComputedStyle(place).fontFamily, size, veil: matchMedia("(forced-colors: active)").matches ? 0.25 : 1 };
  for (const token of TOKENS) {
    probe.style.color = `var(--${token})`;
    theme[token] = getComputedStyle(probe).color;
  }
  probe.remove();
  return theme;
}

/* Room around the plot, in px: text that is larger needs more. */
export function margins({ size }) {
  const grown = size / 12;
  return { left: LEFT * grown, right: RIGHT, top: TOP * grown, axis: AXIS * grown };
}

/* What lies under the main grid: the time axis, and the strip if there is one. */
export function floor(data, theme) {
  return margins(theme).axis + (data.strip ? STRIP : 0);
}

export function option(data, theme, view, width) {
  const { from, to } = view;
  const { left, right, top, axis } = margins(theme);
  const room = width - left - right;
  const grids = [{ top, bottom: floor(data, theme) }, ...(data.strip ? [{ height: STRIP, bottom: axis }] : [])];
  const last = grids.length - 1;
  const marked = ticks(from, to, Math.max(3, Math.floor(room / (5 * theme.size))));
  return {
    animation: false,
    textStyle: { fontFamily: theme.font, fontSize: theme.size, color: theme.dim },
    grid: grids.map((grid, i) => ({ id: `grid${i}`, left, right, outerBoundsMode: "none", ...grid })),
    xAxis: grids.map((_grid, i) => timeAxis(i, i === last, view, marked, theme)),
    yAxis: [valueAxis(data, theme), ...(data.strip ? [stripAxis(data.strip, theme)] : [])],
    series: [
      marks(data, theme, view, 0, room),
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
    ...(area ? { areaStyle: { color: theme.band, opacity: theme.veil } } : {}),
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
function marks(data, theme, view, grid, room = 0) {
  const worded = grid === 0;
  const now = data.now !== null && data.now >= view.from && data.now <= view.to ? data.now : null;
  const spans = data.windows.filter((span) => span.end > view.from && span.start < view.to);
  const label = { show: true, color: theme.ink, fontWeight: 600, textBorderColor: theme.panel, textBorderWidth: 3 };
  return {
    id: `marks${grid}`,
    type: "line",
    silent: true,
    symbol: "none",
    xAxisIndex: grid,
    yAxisIndex: grid,
    data: [[data.start, null]],
    markArea: { silent: true, itemStyle: { color: theme.band, opacity: theme.veil }, label: { show: false }, data: spans.map((span) => area(span, view)) },
    markLine: {
      silent: true,
      symbol: "none",
      animation: false,
      label: { show: false },
      data: [
        ...spans.flatMap((span) => edges(span, theme, view)),
        ...(now === null ? [] : [{ xAxis: now, lineStyle: { color: theme.ink, width: 1, type: "solid" } }]),
        ...(worded ? data.limits.flatMap((limit) => limitLine(limit, view, theme, { ...label, show: limit.kind === "aim" || room >= LIMIT_WORDS_FROM })) : []),
      ],
    },
    markPoint: {
      silent: true,
      symbol: "circle",
      symbolSize: 0.1,
      itemStyle: { color: "transparent" },
      data: worded ? words(data, now, spans, view, label, theme) : [],
    },
  };
}

function area(span, view) {
  return [{ xAxis: Math.max(span.start, view.from) }, { xAxis: Math.min(span.end, view.to) }];
}

function edges({ start, end, kind }, theme, view) {
  const lineStyle = { color: theme.accent, width: 1, type: kind === "sent" ? "solid" : [2, 3] };
  return [start, end].filter((at) => at >= view.from && at <= view.to).map((at) => ({ xAxis: at, lineStyle }));
}

function limitLine({ value, words: said, kind, start, end }, view, theme, label) {
  const aim = kind === "aim";
  const from = Math.max(start ?? view.from, view.from);
  const to = Math.min(end ?? view.to, view.to);
  if (from >= to) return [];
  const look = {
    lineStyle: { color: aim ? theme.ink : theme.warn, width: 1.5, type: aim ? [10, 4] : [3, 3] },
    label: { ...label, fontWeight: 400, position: aim ? "insideEndBottom" : "insideEndTop", formatter: said },
  };
  return [[{ coord: [from, value], ...look }, { coord: [to, value] }]];
}

/* `now` in the first line under the upper edge, each window a line further down; on the side where there is room. */
function words(data, now, spans, view, label, theme) {
  const share = (at) => (at - view.from) / (view.to - view.from);
  const line = 1.35 * theme.size;
  const said = (at, text, row, toLeft) => ({
    coord: [at, data.high],
    label: { ...label, formatter: text, position: toLeft ? "left" : "right", distance: 6, offset: [0, line * (row + 0.75)] },
  });
  return [
    ...(now === null ? [] : [said(now, `now ${central(now).clock}`, 0, share(now) > 0.12)]),
    ...spans.filter((span) => span.words).map((span, i) => {
      const late = share(Math.max(span.start, view.from)) > 0.62;
      const at = late ? Math.min(span.end, view.to) : Math.max(span.start, view.from);
      return said(at, span.words, i + (now === null ? 0 : 1), late);
    }),
  ];
}
