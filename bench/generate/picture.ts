// The frontier as a picture and a table: quality under the judge against speed, a panel for each batch. Points of texts that repeat themselves are hollow.

export interface FrontierRow {
  name: string;
  /** texts at once */
  batch: number;
  /** tokens a second, those before the end of each text */
  rate: number;
  /** processor time a token in ms: it hardly depends on what else the machine does */
  processor: number;
  /** forward passes a text */
  nfe: number;
  /** nats per token under the judge */
  judged: number;
  /** share of the pairs of neighbouring tokens that are different ones, over all texts */
  distinct: number;
}

/** Fewer different pairs of neighbouring tokens than this is repetition, which a judge of n-grams likes. */
const VARIED = 0.6;

const escape = (text: string): string => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

/** Rows that no varied row of the same batch beats in both speed and cost. */
export function best(rows: readonly FrontierRow[]): FrontierRow[] {
  const varied = rows.filter(({ distinct }) => distinct >= VARIED);
  const beaten = (row: FrontierRow): boolean =>
    varied.some((other) => other.batch === row.batch && other.rate > row.rate && other.judged < row.judged);
  return varied.filter((row) => !beaten(row));
}

export function frontierTable(rows: readonly FrontierRow[]): string {
  const front = new Set(best(rows));
  const line = (row: FrontierRow, i: number): string => {
    const mark = front.has(row) ? ' ●' : row.distinct < VARIED ? ' repeats' : '';
    return `| ${i + 1} | ${row.name} | ${row.batch} | ${row.rate.toFixed(1)} | ${row.processor.toFixed(1)} | ${row.nfe.toFixed(0)} | ${row.judged.toFixed(2)} | ${row.distinct.toFixed(2)} |${mark} |`;
  };
  return [
    '| | sampler | texts at once | tokens/s | processor ms a token | NFE | nats per token under the judge | distinct pairs | |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows.map(line),
    '',
  ].join('\n');
}

/** Kinds of samplers by the beginning of their names, with their colours in a light and a dark page. */
const KINDS = [
  { of: /^ancestral/, label: 'ancestral, 1000 to 16 steps', light: '#1f6feb', dark: '#4493f8' },
  { of: /^first_hitting/, label: 'first_hitting, also with caches', light: '#1a7f37', dark: '#3fb950' },
  { of: /^(confidence|margin|entropy|threshold)/, label: 'by confidence', light: '#8250df', dark: '#ab7df8' },
  { of: /^causal/, label: 'causal', light: '#d1242f', dark: '#f85149' },
  { of: /^the twin/, label: 'the twin in PyTorch', light: '#9a6700', dark: '#d29922' },
  { of: /^/, label: 'others', light: '#57606a', dark: '#8c959f' },
] as const;
const kindOf = (name: string): number => KINDS.findIndex(({ of }) => of.test(name));

const LOG_TICKS = [1, 2, 5].flatMap((digit) => [0, 1, 2, 3, 4].map((power) => digit * 10 ** power));

export function frontierPicture(rows: readonly FrontierRow[]): string {
  const batches = [...new Set(rows.map(({ batch }) => batch))];
  const [width, height] = [320, 300];
  const box = { left: 44, right: width - 14, top: 34, bottom: height - 44 };
  const logs = rows.map(({ rate }) => Math.log10(rate));
  const costs = rows.map(({ judged }) => judged);
  const scale = (values: readonly number[], from: number, to: number) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return (value: number): number => from + ((value - low) / (high - low || 1)) * (to - from);
  };
  const [x, y] = [scale(logs, box.left + 10, box.right - 10), scale(costs, box.bottom - 10, box.top + 10)];
  const front = new Set(best(rows));
  const place = ({ rate, judged }: FrontierRow): string => `${x(Math.log10(rate)).toFixed(1)},${y(judged).toFixed(1)}`;
  const within = (values: readonly number[], value: number): boolean => value >= Math.min(...values) && value <= Math.max(...values);
  const grid = [
    ...[...Array(40).keys()]
      .map((i) => i / 2)
      .filter((value) => within(costs, value))
      .map((value) => {
        const at = y(value).toFixed(1);
        return `<path class="grid" d="M${box.left} ${at}H${box.right}"/><text x="${box.left - 6}" y="${Number(at) + 4}" text-anchor="end">${value.toFixed(1)}</text>`;
      }),
    ...LOG_TICKS.filter((value) => within(logs, Math.log10(value))).map((value) => {
      const at = x(Math.log10(value)).toFixed(1);
      return `<path class="grid" d="M${at} ${box.top}V${box.bottom}"/><text x="${at}" y="${box.bottom + 16}" text-anchor="middle">${value}</text>`;
    }),
  ].join('');
  const panel = (batch: number, p: number): string => {
    const own = rows.filter((row) => row.batch === batch);
    const joined = own.filter((row) => front.has(row)).sort((a, b) => a.rate - b.rate);
    const points = own.map((row) => {
      const [cx, cy] = place(row).split(',');
      const title = `<title>${escape(`${row.name}: ${row.rate.toFixed(1)} tokens/s, ${row.judged.toFixed(2)} nats`)}</title>`;
      return `<circle class="k${kindOf(row.name)}${row.distinct < VARIED ? ' hollow' : ''}" cx="${cx}" cy="${cy}" r="4">${title}</circle>`;
    });
    const name = `${batch} ${batch === 1 ? 'text' : 'texts'} at once`;
    return `<g transform="translate(${p * width} 30)">${grid}<text x="${box.left}" y="22" font-weight="600">${name}</text><polyline class="front" points="${joined.map(place).join(' ')}"/>${points.join('')}<text x="${(box.left + box.right) / 2}" y="${height - 8}" text-anchor="middle">tokens/s</text></g>`;
  };
  const shown = KINDS.flatMap(({ label }, kind) => (rows.some(({ name }) => kindOf(name) === kind) ? [{ label, kind }] : []));
  const perLine = 2 * batches.length;
  const legend = shown.map(({ label, kind }, i) => {
    const [at, line] = [20 + (i % perLine) * (width / 2) * 1.25, height + 46 + Math.floor(i / perLine) * 20];
    return `<circle class="k${kind}" cx="${at}" cy="${line - 4}" r="4"/><text x="${at + 10}" y="${line}">${label}</text>`;
  });
  const colours = (shade: 'light' | 'dark'): string => KINDS.map((kind, i) => `.k${i}{fill:${kind[shade]};stroke:${kind[shade]}}`).join('');
  const style = `.page{fill:#fff}text{fill:#1f2328}.grid{stroke:#e4e7eb}.front{fill:none;stroke:#8c959f}${colours('light')}@media (prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}.grid{stroke:#30363d}${colours('dark')}}.hollow{fill:none}`;
  const size = `${batches.length * width} ${height + 46 + 20 * Math.ceil(shown.length / perLine)}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size}" font-family="system-ui, sans-serif" font-size="12">\n<style>${style}</style>\n<rect class="page" width="100%" height="100%"/>\n<text x="14" y="22" font-size="13" font-weight="600">Nats per token under the judge (lower is likelier) against speed</text>\n${batches.map(panel).join('\n')}\n${legend.join('\n')}\n</svg>\n`;
}
