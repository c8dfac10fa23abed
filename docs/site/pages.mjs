// Which files of the repository are pages of the site, and what becomes of a link between them.
import { dirname, join, posix } from 'node:path';

/** The page of the site for a Markdown file of the repository; undefined if it is none. Both are paths with `/`, the page without an ending. */
export function pageOf(file) {
  if (
    !file.endsWith('.md') ||
    file === 'README.md' ||
    file.startsWith('docs/site/') ||
    file.startsWith('.github/') ||
    file.includes('/fixtures/')
  )
    return undefined;
  const path = file.slice(0, -'.md'.length);
  if (path.startsWith('docs/')) return path.slice('docs/'.length).replace(/(^|\/)README$/, '$1index');
  // A package's README is the page of the package; another page of it stands below.
  if (/^(packages|apps)\//.test(path)) return path.replace(/\/README$/, '/index');
  return path.replace(/\/README$/, '').toLowerCase();
}

/** A Markdown text without its code, with the links of both kinds replaced by what `replace` gives for their target. */
function withLinks(text, replace) {
  return text
    .split(/(^ *```[^]*?^ *```|`[^`\n]*`)/m)
    .map((part, i) =>
      i % 2 === 1
        ? part
        : part.replace(/(!?)\[((?:[^\][]|\[[^\]]*\])*)\]\(([^)\s]+)\)/g, (whole, image, label, target) =>
            replace({ whole, image, label, target }),
          ),
    )
    .join('');
}

/** Links in code spans of a label survive the split above only as a whole, so labels with code are joined first. */
const joinLabels = (text) => text.replace(/\[([^\][\n]*`[^\]\n]*)\]\(/g, (_, label) => `[${label.replaceAll('`', '\u0000')}](`);

/**
 * The text of a page, with its links as the site has them. A link to a file that is no page leads to the repository if its address is known, and
 * is plain text if not. `picture` is called with the path of each picture in the repository.
 */
export function textOf(file, text, { repository, picture }) {
  const page = pageOf(file);
  const replaced = withLinks(joinLabels(text.replace(/^<!--[^]*?-->\n*/gm, '')), ({ whole, image, label, target }) => {
    if (/^[a-z]+:/.test(target) || target.startsWith('#')) return whole;
    const [path, anchor] = target.split('#');
    const wanted = posix.normalize(posix.join(dirname(file), path)).replace(/\/$/, '');
    if (image === '!') {
      picture(wanted);
      return `![${label}](/${wanted.replace(/^docs\//, '')})`;
    }
    const hash = anchor === undefined ? '' : `#${anchor}`;
    if (wanted === 'README.md') return `[${label}](/${hash === '' ? '' : 'guides/'})`;
    const readme = wanted.endsWith('.md') ? wanted : join(wanted, 'README.md');
    const other = pageOf(readme);
    if (
      other !== undefined &&
      (wanted.endsWith('.md') || ['docs/log', 'docs/decisions', 'bench', 'runs', 'examples', 'checks'].includes(wanted))
    )
      return `[${label}](/${other.replace(/(^|\/)index$/, '$1')}${hash})`;
    return repository === undefined ? label : `[${label}](${repository}/blob/main/${wanted}${hash})`;
  });
  return { page, text: replaced.replaceAll('\u0000', '`') };
}
