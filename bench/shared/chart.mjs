// A line chart as an SVG file: series of [x, y] points, horizontal reference lines, labels at the line ends.

const colours = ['#1f6feb', '#d1242f', '#1a7f37', '#8250df', '#bc4c00'];
const escape = (text) => String(text).replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

/** Round steps for an axis from `low` to `high`. */
function ticks(low, high, most = 6) {
  const raw = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Width of a character of the labels, with some to spare: no font is measured. */
const CHARACTER = 6.9;

export function chart({ title, x, y, series, lines = [], width = 820, height = 420 }) {
  // Behind each label stands a value of five characters or more.
  const longest = Math.max(...[...series, ...lines].map(({ label }) => label.length)) + 6;
  const box = { left: 60, right: width - Math.max(190, 8 + CHARACTER * longest), top: 40, bottom: height - 50 };
  const xs = series.flatMap(({ points }) => points.map(([at]) => at));
  const ys = [...series.flatMap(({ points }) => points.map(([, value]) => value)), ...lines.map((line) => line.y)];
  const [x0, x1] = [0, Math.max(...xs)];
  const pad = (Math.max(...ys) - Math.min(...ys)) * 0.06;
  const [y0, y1] = [Math.min(...ys) - pad, Math.max(...ys) + pad];
  const px = (value) => box.left + ((value - x0) / (x1 - x0)) * (box.right - box.left);
  const py = (value) => box.bottom - ((value - y0) / (y1 - y0)) * (box.bottom - box.top);
  const text = (at, row, content, extra = '') => `<text x="${at.toFixed(1)}" y="${row.toFixed(1)}" ${extra}>${escape(content)}</text>`;
  const parts = [
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(box.left, 22, title, 'font-size="15" font-weight="600"'),
    ...ticks(y0, y1).flatMap((value) => [
      `<line x1="${box.left}" x2="${box.right}" y1="${py(value).toFixed(1)}" y2="${py(value).toFixed(1)}" stroke="#e4e7eb"/>`,
      text(box.left - 8, py(value) + 4, value, 'text-anchor="end"'),
    ]),
    ...ticks(x0, x1).map((value) => text(px(value), box.bottom + 18, value, 'text-anchor="middle"')),
    text((box.left + box.right) / 2, height - 12, x, 'text-anchor="middle"'),
    text(16, (box.top + box.bottom) / 2, y, `text-anchor="middle" transform="rotate(-90 16 ${(box.top + box.bottom) / 2})"`),
  ];
  // Labels are pushed apart so that none covers another.
  const labels = [
    ...lines.map((line) => ({ at: py(line.y), text: `${line.label} ${line.y.toFixed(3)}`, colour: '#57606a' })),
    ...series.map(({ label, points }, i) => ({
      at: py(points.at(-1)[1]),
      text: `${label} ${points.at(-1)[1].toFixed(3)}`,
      colour: colours[i % colours.length],
    })),
  ].sort((a, b) => a.at - b.at);
  labels.forEach((label, i) => i > 0 && (label.at = Math.max(label.at, labels[i - 1].at + 16)));
  for (const line of lines)
    parts.push(
      `<line x1="${box.left}" x2="${box.right}" y1="${py(line.y).toFixed(1)}" y2="${py(line.y).toFixed(1)}" stroke="#57606a" stroke-dasharray="5 4"/>`,
    );
  series.forEach(({ points }, i) => {
    const path = points.map(([at, value]) => `${px(at).toFixed(1)},${py(value).toFixed(1)}`);
    parts.push(`<polyline points="${path.join(' ')}" fill="none" stroke="${colours[i % colours.length]}" stroke-width="2"/>`);
    for (const point of path)
      parts.push(`<circle cx="${point.split(',')[0]}" cy="${point.split(',')[1]}" r="2.5" fill="${colours[i % colours.length]}"/>`);
  });
  for (const label of labels) parts.push(text(box.right + 8, label.at + 4, label.text, `fill="${label.colour}"`));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12">\n${parts.join('\n')}\n</svg>\n`;
}

/** Charts of the same width below each other, in one file. */
export function stacked(charts) {
  const sizes = charts.map((svg) => /viewBox="0 0 (\d+) (\d+)"/.exec(svg).slice(1).map(Number));
  const [width, height] = [Math.max(...sizes.map(([w]) => w)), sizes.reduce((sum, [, h]) => sum + h, 0)];
  const tops = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, [, h]) => sum + h, 0));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">\n${charts.map((svg, i) => svg.replace('<svg ', `<svg y="${tops[i]}" `)).join('')}</svg>\n`;
}

/** Horizontal bars in panels that share no scale: `panels` of { title, bars: [{ label, value, note, ours }] }, fastest first. Follows the reader's light or dark scheme. */
export function bars({ title, panels, columns = 2, width = 940 }) {
  const [row, gap, head] = [19, 34, 26];
  const column = (width - 20) / columns;
  const heights = panels.map((panel) => head + panel.bars.length * row + gap);
  const lines = Array.from({ length: Math.ceil(panels.length / columns) }, (_, line) =>
    Math.max(...heights.slice(line * columns, (line + 1) * columns)),
  );
  const height = 44 + lines.reduce((a, b) => a + b, 0);
  const parts = [
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text x="14" y="24" font-size="15" font-weight="600">${escape(title)}</text>`,
  ];
  panels.forEach((panel, i) => {
    const left = 14 + (i % columns) * column;
    const top = 52 + lines.slice(0, Math.floor(i / columns)).reduce((a, b) => a + b, 0);
    const start = left + 178;
    const most = Math.max(...panel.bars.map(({ value }) => value));
    parts.push(`<text x="${left}" y="${top + 4}" font-weight="600">${escape(panel.title)}</text>`);
    panel.bars.forEach(({ label, value, note, ours }, at) => {
      const y = top + 14 + at * row;
      const length = Math.max(1, (value / most) * (column - 178 - 110));
      parts.push(
        `<text x="${start - 8}" y="${y + 11}" text-anchor="end"${ours ? ' font-weight="600"' : ''}>${escape(label)}</text>`,
        `<rect class="${ours ? 'ours' : 'peer'}" x="${start}" y="${y}" width="${length.toFixed(1)}" height="${row - 5}" rx="2"/>`,
        `<text x="${(start + length + 6).toFixed(1)}" y="${y + 11}">${escape(note)}</text>`,
      );
    });
  });
  const style =
    '.page{fill:#fff}text{fill:#1f2328}.ours{fill:#1f6feb}.peer{fill:#8c959f}@media (prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}.ours{fill:#4493f8}.peer{fill:#6e7681}}';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12">\n<style>${style}</style>\n${parts.join('\n')}\n</svg>\n`;
}
