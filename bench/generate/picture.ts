// The frontier as a picture and a table: quality under the judge against speed, a panel for each batch. Points of texts that repeat themselves are hollow, the twin's is brown.

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

export function frontierPicture(rows: readonly FrontierRow[]): string {
  const batches = [...new Set(rows.map(({ batch }) => batch))];
  const [width, height] = [320, 300];
  const logs = rows.map(({ rate }) => Math.log10(rate));
  const costs = rows.map(({ judged }) => judged);
  const scale = (values: readonly number[], from: number, to: number) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return (value: number): number => from + ((value - low) / (high - low || 1)) * (to - from);
  };
  const [x, y] = [scale(logs, 30, width - 40), scale(costs, height - 50, 50)];
  const front = new Set(best(rows));
  const panel = (batch: number, p: number): string => {
    const own = [...rows.entries()].filter(([, row]) => row.batch === batch);
    const path = own
      .filter(([, row]) => front.has(row))
      .sort(([, a], [, b]) => a.rate - b.rate)
      .map(([, { rate, judged }]) => `${x(Math.log10(rate)).toFixed(1)},${y(judged).toFixed(1)}`);
    const points = own.map(([i, { name, rate, judged, distinct }]) => {
      const [cx, cy] = [x(Math.log10(rate)).toFixed(1), y(judged).toFixed(1)];
      const title = `<title>${escape(`${name}: ${rate.toFixed(1)} tokens/s, ${judged.toFixed(2)} nats`)}</title>`;
      return `<circle class="${distinct < VARIED ? 'hollow' : name.startsWith('the twin') ? 'twin' : 'full'}" cx="${cx}" cy="${cy}" r="4">${title}</circle><text x="${Number(cx) + 6}" y="${Number(cy) - 5}">${i + 1}</text>`;
    });
    return `<g transform="translate(${p * width} 30)"><text x="50" y="20" font-weight="600">${batch} ${batch === 1 ? 'text' : 'texts'} at once</text><polyline class="front" points="${path.join(' ')}"/>${points.join('')}<text x="${width / 2}" y="${height - 14}" text-anchor="middle">tokens/s, logarithmic (${Math.min(...own.map(([, row]) => row.rate)).toFixed(0)} to ${Math.max(...own.map(([, row]) => row.rate)).toFixed(0)})</text></g>`;
  };
  const style =
    '.page{fill:#fff}text{fill:#1f2328}.full{fill:#1f6feb}.hollow{fill:none;stroke:#8c959f}.twin{fill:#bc4c00}.front{fill:none;stroke:#1f6feb}@media (prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}}';
  const size = `${batches.length * width} ${height + 40}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size}" font-family="system-ui, sans-serif" font-size="12">\n<style>${style}</style>\n<rect class="page" width="100%" height="100%"/>\n<text x="14" y="22" font-size="13" font-weight="600">Cost under the judge, nats per token, against speed; numbers as in the table</text>\n${batches.map(panel).join('\n')}\n</svg>\n`;
}
