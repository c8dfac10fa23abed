import { mustBe } from '@mdiff/arguments';
import { html } from './html.js';
import type { Markup } from './html.js';

// Pictures as inline SVG. Colours come from the page's style sheet, so that they follow its light or dark mode.

const number = (value: number): string => String(Number(value.toFixed(2)));
/** A value on an axis: no more digits than it takes. */
const short = (value: number): string => {
  const size = Math.abs(value);
  return size >= 10_000
    ? `${number(value / 1000)}k`
    : size >= 100
      ? value.toFixed(0)
      : size >= 10
        ? String(Number(value.toFixed(1)))
        : String(Number(value.toFixed(2)));
};

/** Two digits, a true minus, and no zero below zero. */
export const signed = (value: number): string => {
  mustBe('signed', 'value', value, 'number');
  return Math.abs(value) < 0.005 ? '0.00' : value.toFixed(2).replace('-', '−');
};

export interface Mark {
  value: number;
  label: string;
}

export interface HistogramOptions {
  /** what is counted, for those who cannot see the picture */
  label: string;
  /** axis from … to; the values' own otherwise */
  range?: readonly [number, number];
  bins?: number;
  /** one bar for each whole number where there are few */
  whole?: boolean;
  /** a part of the values, drawn over them */
  part?: ArrayLike<number>;
  marks?: readonly Mark[];
  width?: number;
}

/** Ends of the axis: the values' own without the outermost thousandth, which would make the rest a single bar. */
function rangeOf(values: ArrayLike<number>): [number, number] {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return [0, 1];
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  const [low, high] = [at(0.001), at(0.999)];
  return low < high ? [low, high] : [low - 0.5, low + 0.5];
}

export function histogram(values: ArrayLike<number>, options: HistogramOptions): Markup {
  mustBe('histogram', 'values', values, 'object');
  mustBe('histogram', 'options', options, 'object');
  const { label, range, whole = false, part, marks = [], width = 360 } = options;
  let { bins = 40 } = options;
  let [low, high] = range ?? rangeOf(values);
  const ends = [low, high] as const;
  if (whole) {
    [low, high] = [Math.floor(low) - 0.5, Math.ceil(high) + 0.5];
    // Bars of equal numbers of whole values, or there would be gaps.
    const each = Math.ceil((high - low) / bins);
    bins = Math.ceil((high - low) / each);
    high = low + each * bins;
  }
  const counted = (list: ArrayLike<number>): number[] => {
    const counts = new Array<number>(bins).fill(0);
    for (const value of Array.from(list)) counts[Math.max(0, Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins)))]! += 1;
    return counts;
  };
  const counts = counted(values);
  const most = Math.max(1, ...counts);
  const [height, left, right, top, bottom] = [128, 40, 16, marks.length > 0 ? 20 : 10, 104];
  const x = (value: number): number => left + ((value - low) / (high - low)) * (width - left - right);
  const step = (width - left - right) / bins;
  const bar = (count: number, i: number, name: string): Markup | undefined => {
    if (count === 0) return undefined;
    const tall = Math.max(1, (count / most) * (bottom - top));
    const [from, to] = [low + (i / bins) * (high - low), low + ((i + 1) / bins) * (high - low)];
    return html`<rect class="${name}" x="${number(left + i * step + 0.5)}" y="${number(bottom - tall)}" width="${number(Math.max(0.5, step - 1))}" height="${number(tall)}"><title>${short(from)} to ${short(to)}: ${count.toLocaleString('en')}</title></rect>`;
  };
  return html`<svg class="chart" viewBox="0 0 ${width} ${height}" style="max-width:${width}px" role="img" aria-label="${label}">
${[0, 0.5, 1].map((share) => html`<line class="grid" x1="${left}" x2="${width - right}" y1="${number(bottom - share * (bottom - top))}" y2="${number(bottom - share * (bottom - top))}" /><text class="tick" x="${left - 5}" y="${number(bottom - share * (bottom - top) + 4)}" text-anchor="end">${short(Math.round(share * most))}</text>`)}
${counts.map((count, i) => bar(count, i, part ? 'bar faint' : 'bar'))}${part ? counted(part).map((count, i) => bar(count, i, 'bar')) : undefined}
<line class="axis" x1="${left}" x2="${width - right}" y1="${bottom}" y2="${bottom}" />
${[ends[0], (ends[0] + ends[1]) / 2, ends[1]].map((value, i) => html`<text class="tick" x="${number(x(value))}" y="${bottom + 14}" text-anchor="middle">${short(whole && i === 1 ? Math.round(value) : value)}</text>`)}
${marks.filter(({ value }) => value >= low && value <= high).map(({ value, label: text }) => html`<line class="mark" x1="${number(x(value))}" x2="${number(x(value))}" y1="${top - 3}" y2="${bottom}" /><text class="tick" x="${number(x(value))}" y="${top - 5}" text-anchor="middle">${text}</text>`)}
</svg>`;
}

/** A line through one value for each equal part of the text; gaps where a part has none. */
export function course(values: ArrayLike<number>, label: string): Markup {
  mustBe('course', 'values', values, 'object');
  mustBe('course', 'label', label, 'string');
  const [width, height, left, right, top, bottom] = [760, 150, 34, 6, 8, 124];
  const present = Array.from(values).filter((value) => !Number.isNaN(value));
  const [low, high] = [Math.min(...present, 0.5), Math.max(...present, 0.5)];
  const edge = Math.max(0.02, (high - low) * 0.1);
  const [from, to] = [low - edge, high + edge];
  const x = (i: number): number => left + ((i + 0.5) / values.length) * (width - left - right);
  const y = (value: number): number => bottom - ((value - from) / (to - from)) * (bottom - top);
  let path = '';
  let drawing = false;
  Array.from(values).forEach((value, i) => {
    if (!Number.isNaN(value)) path += `${drawing ? 'L' : 'M'}${number(x(i))} ${number(y(value))}`;
    drawing = !Number.isNaN(value);
  });
  return html`<svg class="chart" viewBox="0 0 ${width} ${height}" style="max-width:${width}px;min-width:480px" role="img" aria-label="${label}">
${[low, high].map((value) => html`<line class="grid" x1="${left}" x2="${width - right}" y1="${number(y(value))}" y2="${number(y(value))}" /><text class="tick" x="${left - 4}" y="${number(y(value) + 4)}" text-anchor="end">${value.toFixed(2)}</text>`)}
<path class="curve" d="${path}" />
<line class="axis" x1="${left}" x2="${width - right}" y1="${bottom}" y2="${bottom}" />
<text class="tick" x="${left}" y="${bottom + 15}">the text begins</text><text class="tick" x="${width - right}" y="${bottom + 15}" text-anchor="end">ends</text>
</svg>`;
}

/** Width of a letter of a name, about; and how far a name that slopes by 40° reaches up and along, of its width. */
const LETTER = 6.4;
const SLOPE = { up: 0.643, along: 0.766 };

/** Correlations, −1 … 1, as a square of coloured cells with their figures. */
export function heat(names: readonly string[], matrix: ArrayLike<number>, label: string): Markup {
  mustBe('heat', 'names', names, 'list');
  mustBe('heat', 'matrix', matrix, 'object');
  mustBe('heat', 'label', label, 'string');
  const n = names.length;
  const cell = 44;
  // Room for the names: the rows' at the left, and the columns', which slope, above and at the right.
  const wide = (name: string): number => LETTER * name.length;
  const left = Math.max(...names.map(wide)) + 12;
  const top = Math.max(...names.map((name) => SLOPE.up * wide(name))) + 16;
  const right = Math.max(30, ...names.map((name, i) => SLOPE.along * wide(name) - (n - i - 0.5) * cell + 8));
  const [width, height] = [Math.ceil(left + n * cell + right), Math.ceil(top + n * cell + 4)];
  const cells = names.flatMap((row, a) =>
    names.map((column, b) => {
      const value = matrix[a * n + b]!;
      const text = signed(value).replace(/^(−?)0\./, '$1.');
      return html`<g><rect class="${value < 0 ? 'minus' : 'plus'}" x="${number(left + b * cell)}" y="${number(top + a * cell)}" width="${cell - 1}" height="${cell - 1}" fill-opacity="${number(Math.abs(value) * 0.75)}"><title>${row} and ${column}: ${signed(value)}</title></rect><text class="figure" x="${number(left + b * cell + cell / 2)}" y="${number(top + a * cell + cell / 2 + 4)}" text-anchor="middle">${text}</text></g>`;
    }),
  );
  return html`<svg class="chart" viewBox="0 0 ${width} ${height}" style="max-width:${width}px;min-width:${Math.min(width, 640)}px" role="img" aria-label="${label}">
${cells}
${names.map((name, i) => html`<text class="name" x="${number(left - 8)}" y="${number(top + i * cell + cell / 2 + 4)}" text-anchor="end">${name}</text><text class="name" transform="translate(${number(left + i * cell + cell / 2 - 2)} ${number(top - 8)}) rotate(-40)">${name}</text>`)}
</svg>`;
}

export interface Dot {
  x: number;
  y: number;
  /** 0-based; those beyond the palette are grey */
  group: number;
  title: string;
}

/** Hues of the page's palette. */
const HUES = 8;
export const hue = (group: number): string => {
  mustBe('hue', 'group', group, 'number');
  return group < HUES ? `g${group}` : 'other';
};

/** Points of groups on a plane, each group's number at the middle of its points. */
export function scatter(dots: readonly Dot[], groups: number, label: string): Markup {
  mustBe('scatter', 'dots', dots, 'list');
  mustBe('scatter', 'groups', groups, 'number');
  mustBe('scatter', 'label', label, 'string');
  const [width, height, edge] = [760, 460, 14];
  const along = (of: (dot: Dot) => number): [number, number] => {
    const values = dots.map(of);
    const [low, high] = [values.reduce((a, b) => Math.min(a, b), Infinity), values.reduce((a, b) => Math.max(a, b), -Infinity)];
    return low < high ? [low, high] : [low - 1, low + 1];
  };
  const [[left, right], [bottom, top]] = [along((dot) => dot.x), along((dot) => dot.y)];
  const x = (value: number): number => edge + ((value - left) / (right - left)) * (width - 2 * edge);
  const y = (value: number): number => height - edge - ((value - bottom) / (top - bottom)) * (height - 2 * edge);
  const middles = Array.from({ length: Math.min(groups, HUES) }, (_, group) => {
    const members = dots.filter((dot) => dot.group === group);
    const mean = (of: (dot: Dot) => number): number => members.reduce((sum, dot) => sum + of(dot), 0) / members.length;
    return members.length === 0
      ? undefined
      : html`<text class="middle" x="${number(x(mean((dot) => dot.x)))}" y="${number(y(mean((dot) => dot.y)) + 6)}" text-anchor="middle">${group + 1}</text>`;
  });
  return html`<svg class="chart" viewBox="0 0 ${width} ${height}" style="max-width:${width}px" role="img" aria-label="${label}">
${dots.map((dot) => html`<circle class="dot ${hue(dot.group)}" cx="${number(x(dot.x))}" cy="${number(y(dot.y))}" r="3"><title>${dot.title}</title></circle>`)}
${middles}
</svg>`;
}

export interface Band {
  from: number;
  to: number;
  /** which stage, for its hue */
  group: number;
  /** how much of it is the stage's own, 0 … 1 */
  weight: number;
  range: readonly [number, number];
}

/** Masking rates over the steps of a run, a box for each stage. */
export function timeline(bands: readonly Band[], names: readonly string[], label: string): Markup {
  mustBe('timeline', 'bands', bands, 'list');
  mustBe('timeline', 'names', names, 'list');
  mustBe('timeline', 'label', label, 'string');
  const [width, height, left, right, top, bottom] = [760, 210, 44, 10, 22, 180];
  const total = bands.at(-1)?.to ?? 1;
  const x = (step: number): number => left + (step / total) * (width - left - right);
  const y = (rate: number): number => bottom - rate * (bottom - top);
  const starts = names.map((_, stage) => bands.find(({ group }) => group === stage)?.from);
  const ends = names.map((_, stage) => bands.filter(({ group }) => group === stage).at(-1)?.to);
  return html`<svg class="chart" viewBox="0 0 ${width} ${height}" style="max-width:${width}px;min-width:520px" role="img" aria-label="${label}">
${[0, 0.25, 0.5, 0.75, 1].map((rate) => html`<line class="grid" x1="${left}" x2="${width - right}" y1="${number(y(rate))}" y2="${number(y(rate))}" /><text class="tick" x="${left - 6}" y="${number(y(rate) + 4)}" text-anchor="end">${100 * rate} %</text>`)}
${bands.map(({ from, to, group, weight, range: [low, high] }) => html`<rect class="band ${hue(group % HUES)}" x="${number(x(from))}" width="${number(Math.max(0.5, x(to) - x(from)))}" y="${number(y(high))}" height="${number(Math.max(1.5, y(low) - y(high)))}" fill-opacity="${number(0.25 + 0.6 * weight)}"><title>${names[group]}, steps ${from + 1} to ${to}: ${Math.round(100 * low)} to ${Math.round(100 * high)} % hidden; ${Math.round(100 * weight)} % of the rows are its own</title></rect>`)}
${names.map((name, stage) => {
  const [from, to] = [starts[stage], ends[stage]];
  if (from === undefined || to === undefined) return undefined;
  // A name wider than its stage would cover its neighbour's.
  const fits = x(to) - x(from) > (name.length + 3) * 6.6;
  return html`<line class="grid" x1="${number(x(from))}" x2="${number(x(from))}" y1="${top - 12}" y2="${bottom}" /><text class="name" x="${number(x(from) + 4)}" y="${top - 8}">${fits ? `${stage + 1}. ${name}` : stage + 1}</text>`;
})}
<line class="axis" x1="${left}" x2="${width - right}" y1="${bottom}" y2="${bottom}" />
<text class="tick" x="${left}" y="${bottom + 16}">step 1</text><text class="tick" x="${width - right}" y="${bottom + 16}" text-anchor="end">${total.toLocaleString('en')}</text>
</svg>`;
}
