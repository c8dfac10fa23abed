import { hue } from './chart.js';
import { html } from './html.js';
import type { Markup } from './html.js';

// Lines over numeric axes as inline SVG. A plot is narrow enough for a telephone; two stand side by side on a wide page.

export interface Line {
  name: string;
  points: readonly (readonly [number, number])[];
  /** of the palette; without it the page's own colour */
  group?: number;
  /** 0 … 1; lines of the same kind grow stronger with time */
  strength?: number;
  /** a dot at each point: for lines of few points */
  dots?: boolean;
  dashed?: boolean;
}

/** A stretch of the x axis behind the lines, such as a stage. */
export interface Stretch {
  from: number;
  to: number;
  group: number;
}

export interface PlotOptions {
  /** the content, for those who cannot see the picture */
  label: string;
  x: string;
  y: string;
  /** values that the axes must show besides those of the lines */
  reach?: { x?: readonly number[]; y?: readonly number[] };
  stretches?: readonly Stretch[];
  /** how a value of the x axis is written; default: a number */
  written?: (x: number) => string;
}

/** So few dots of a line have their values beside them: two dots make no curve. */
const FEW = 3;
const WIDTH = 480;
const [HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [260, 58, 24, 26, 214];

const place = (value: number): string => String(Number(value.toFixed(1)));

/** A number with no more digits than its axis needs. */
export function axisNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 10_000) return `${Number((value / 1000).toPrecision(4))}k`;
  if (size > 0 && size < 0.001) return value.toExponential(0).replace('e-', 'e−');
  return String(Number(value.toPrecision(4)));
}

/** About five round values from `low` to `high`, at most seven. */
export function ticks(low: number, high: number): number[] {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999)!;
  const from = Math.ceil(low / step - 1e-9);
  const to = Math.floor(high / step + 1e-9);
  return Array.from({ length: to - from + 1 }, (_, i) => Number(((from + i) * step).toPrecision(12)));
}

/** The ends of an axis, with some room above and below. */
function span(values: readonly number[], room: number): [number, number] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0, 1];
  const [low, high] = [finite.reduce((a, b) => Math.min(a, b)), finite.reduce((a, b) => Math.max(a, b))];
  const edge = (high - low) * room || Math.abs(high) * 0.1 || 1;
  return room === 0 && high > low ? [low, high] : [low >= 0 ? Math.max(0, low - edge) : low - edge, high + edge];
}

/** Lines over two axes. A point that is no number is a gap. @returns undefined where no line has a point */
export function plot(
  lines: readonly Line[],
  { label, x, y, reach = {}, stretches = [], written = axisNumber }: PlotOptions,
): Markup | undefined {
  const all = lines.flatMap(({ points }) => points).filter((point) => point.every(Number.isFinite));
  if (all.length === 0) return undefined;
  const [left, right] = span([...all.map(([value]) => value), ...(reach.x ?? [])], 0);
  const [low, high] = span([...all.map(([, value]) => value), ...(reach.y ?? [])], 0.08);
  const across = (value: number): number => LEFT + ((value - left) / (right - left)) * (WIDTH - LEFT - RIGHT);
  const up = (value: number): number => BOTTOM - ((value - low) / (high - low)) * (BOTTOM - TOP);
  const yTicks = ticks(low, high);
  const xTicks = ticks(left, right);
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">
${stretches.map(({ from, to, group }) => html`<rect class="stretch ${hue(group % 8)}" x="${place(across(from))}" y="${TOP}" width="${place(Math.max(0, across(to) - across(from)))}" height="${BOTTOM - TOP}" />`)}
${yTicks.map((value) => html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${place(up(value))}" y2="${place(up(value))}" /><text class="label" x="${LEFT - 7}" y="${place(up(value) + 4)}" text-anchor="end">${axisNumber(value)}</text>`)}
${xTicks.map((value) => html`<line class="axis" x1="${place(across(value))}" x2="${place(across(value))}" y1="${BOTTOM}" y2="${BOTTOM + 4}" /><text class="label" x="${place(across(value))}" y="${BOTTOM + 18}" text-anchor="middle">${written(value)}</text>`)}
<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${BOTTOM}" y2="${BOTTOM}" />
<text class="label" x="4" y="14">${y}</text><text class="label" x="${WIDTH - RIGHT}" y="${HEIGHT - 8}" text-anchor="end">${x}</text>
${lines.map((line) => curve(line, across, up))}
</svg>`;
}

/** A text at the edge of the picture stays inside. */
const anchor = (x: number): string => (x > WIDTH - RIGHT - 30 ? 'end' : x < LEFT + 30 ? 'start' : 'middle');

function curve(
  { name, points, group, strength = 1, dots = false, dashed = false }: Line,
  across: (x: number) => number,
  up: (y: number) => number,
): Markup {
  let path = '';
  let drawing = false;
  for (const [x, y] of points) {
    const there = Number.isFinite(x) && Number.isFinite(y);
    if (there) path += `${drawing ? 'L' : 'M'}${place(across(x))} ${place(up(y))}`;
    drawing = there;
  }
  const shown = points.filter((point) => point.every(Number.isFinite));
  const marks = dots || shown.length === 1 ? shown : [];
  const values = marks.length <= FEW ? marks : [];
  return html`<g class="${group === undefined ? 'own' : hue(group % 8)}" opacity="${Number(strength.toFixed(2))}"><title>${name}</title><path class="line${dashed ? ' dashed' : ''}" d="${path}" />
${marks.map(([x, y]) => html`<circle class="point" cx="${place(across(x))}" cy="${place(up(y))}" r="3"><title>${name}: ${axisNumber(y)}</title></circle>`)}
${values.map(([x, y]) => html`<text class="figure" x="${place(across(x))}" y="${place(up(y) - 8)}" text-anchor="${anchor(across(x))}">${axisNumber(y)}</text>`)}</g>`;
}
