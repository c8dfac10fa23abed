// The picture of a recorded run: one row of text for each of some steps, masks as boxes, each word in the colour of its probability.

const width = 960;
const letter = 8.4; // a column of the monospaced font at 14 px
const row = 30;

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
/** The colour of a probability, from unsure to sure. */
const colour = (probability) => (probability < 0.2 ? '#b4540a' : probability < 0.6 ? '#7a6a00' : '#1a7f4b');

function pieceOf([text, probability], x, y) {
  if (text === undefined) return { svg: `<rect x="${x + 4}" y="${y - 12}" width="26" height="15" rx="3" fill="#8a94a6"/>`, wide: 34 };
  const fill = probability === undefined ? '#57606a' : colour(probability);
  const weight = probability === undefined ? '' : ' font-weight="600"';
  return { svg: `<text x="${x}" y="${y}" fill="${fill}"${weight} xml:space="preserve">${escape(text)}</text>`, wide: text.length * letter };
}

/** An SVG of the first frame, the last, and as many between as `rows` allows. Its background is white, so that it reads on a dark page too. */
export function pictureOf({ frames }, rows = 6) {
  const chosen = Array.from({ length: rows }, (_, i) => Math.round((i * (frames.length - 1)) / (rows - 1)));
  const lines = chosen.map((step, i) => {
    const y = 34 + i * row;
    let x = 78;
    const pieces = frames[step].map((piece) => {
      const { svg, wide } = pieceOf(piece, x, y);
      x += wide;
      return svg;
    });
    return `<text x="16" y="${y}" fill="#8a94a6">step ${step}</text>${pieces.join('')}`;
  });
  const height = rows * row + 24;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14" role="img" aria-label="a gap of masks in a sentence, filled step by step"><rect width="100%" height="100%" rx="8" fill="#fff"/>
${lines.join('\n')}
</svg>
`;
}
