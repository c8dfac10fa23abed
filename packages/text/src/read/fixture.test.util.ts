import { strToU8, zipSync, type Zippable } from 'fflate';

// Small files of each format for the tests, made from excerpts given in the tests.

export const zip = (files: Readonly<Record<string, string | Uint8Array>>): Uint8Array =>
  zipSync(
    Object.fromEntries(Object.entries(files).map(([name, data]) => [name, typeof data === 'string' ? strToU8(data) : data])) as Zippable,
  );

const xml = (body: string) => `<?xml version="1.0" encoding="utf-8"?>\n${body}`;

interface Page {
  body: string;
  /** Attributes of its manifest item. */
  item?: string;
}

/** An EPUB 3 of these pages, in this order; `more` are other files, `items` their entries in the manifest. */
export function epub(
  pages: Readonly<Record<string, Page>>,
  title = 'A Book',
  more: Readonly<Record<string, string>> = {},
  items = '',
): Uint8Array {
  const names = Object.keys(pages);
  return zip({
    mimetype: 'application/epub+zip',
    'META-INF/container.xml': xml(
      '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>',
    ),
    'OPS/book.opf': xml(
      `<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>${title}</dc:title></metadata>` +
        `<manifest>${names.map((name, i) => `<item id="p${i}" href="${encodeURI(name)}" media-type="application/xhtml+xml" ${pages[name]!.item ?? ''}/>`).join('')}<item id="x" href="style.css" media-type="text/css"/>${items}</manifest>` +
        `<spine>${names.map((_, i) => `<itemref idref="p${i}"/>`).join('')}</spine></package>`,
    ),
    ...Object.fromEntries(
      names.map((name) => [
        `OPS/${name}`,
        xml(
          `<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">\n<head><title/></head>\n<body>\n${pages[name]!.body}\n</body>\n</html>`,
        ),
      ]),
    ),
    ...more,
  });
}

const escape = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

/** A Word document of paragraphs, each with a style name or none; `body` is XML behind them, `more` are other parts. */
export function docx(
  paragraphs: readonly [text: string, style?: string][],
  { body = '', more = {} as Record<string, string> } = {},
): Uint8Array {
  const styles = [...new Set(paragraphs.flatMap(([, style]) => (style ? [style] : [])))];
  const id = (style: string) => style.replace(/ /g, '');
  return zip({
    '[Content_Types].xml': xml(
      '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
    ),
    '_rels/.rels': xml(
      '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>',
    ),
    'word/_rels/document.xml.rels': xml(
      '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>',
    ),
    'word/styles.xml': xml(
      `<w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">${styles.map((style) => `<w:style w:type="paragraph" w:styleId="${id(style)}"><w:name w:val="${style}"/></w:style>`).join('')}</w:styles>`,
    ),
    'word/document.xml': xml(
      `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>${paragraphs
        .map(
          ([text, style]) =>
            `<w:p>${style ? `<w:pPr><w:pStyle w:val="${id(style)}"/></w:pPr>` : ''}${text
              .split('\n')
              .map((line) => `<w:r><w:t xml:space="preserve">${escape(line)}</w:t></w:r>`)
              .join('<w:r><w:br/></w:r>')}</w:p>`,
        )
        .join('')}${body}</w:body></w:document>`,
    ),
    ...more,
  });
}

interface Piece {
  text: string;
  /** Points from the left and lower edge of the page. */
  x: number;
  y: number;
  size?: number;
}

/** A PDF in Courier (every letter 0.6 of the size wide). `locked` claims a password, which is all that a reader without it sees. */
export function pdf(pages: readonly (readonly Piece[])[], { title = '', locked = false } = {}): Uint8Array {
  const objects: string[] = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '',
    '<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>',
    `<< /Title (${title}) >>`,
  ];
  const kids = pages.map((pieces) => {
    const show = pieces
      .map(({ text, x, y, size = 10 }) => `BT /F1 ${size} Tf ${x} ${y} Td (${text.replace(/[\\()]/g, '\\$&')}) Tj ET`)
      .join('\n');
    objects.push(`<< /Length ${show.length} >>\nstream\n${show}\nendstream`);
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 600] /Resources << /Font << /F1 3 0 R >> >> /Contents ${objects.length} 0 R >>`,
    );
    return `${objects.length} 0 R`;
  });
  objects[1] = `<< /Type /Pages /Kids [${kids.join(' ')}] /Count ${kids.length} >>`;
  const lock = `<< /Filter /Standard /V 1 /R 2 /P -4 /O <${'41'.repeat(32)}> /U <${'42'.repeat(32)}> >>`;
  if (locked) objects.push(lock);
  let body = '%PDF-1.4\n';
  const offsets = objects.map((object, i) => {
    const at = body.length;
    body += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return at;
  });
  const table = `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.map((at) => `${String(at).padStart(10, '0')} 00000 n \n`).join('')}`;
  const trailer = `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R /Info 4 0 R ${locked ? `/Encrypt ${objects.length} 0 R /ID [<00> <00>]` : ''} >>\nstartxref\n${body.length}\n%%EOF\n`;
  return Uint8Array.from(body + table + trailer, (char) => char.charCodeAt(0));
}

/** Lines of a page from the top down; a line that starts with blanks is indented by them. */
export const page = (lines: readonly string[], { top = 540, leading = 13, left = 50 } = {}): Piece[] =>
  lines.flatMap((line, i) =>
    line.trim() ? [{ text: line.trim(), x: left + 6 * (line.length - line.trimStart().length), y: top - leading * i }] : [],
  );
