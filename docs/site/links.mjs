// Checks a built site: every link within it leads to a file and an anchor that exist, and no page loads anything from another host.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** By the name of a check: its faults, one line each. */
export function faultsOf(folder, base = '/') {
  const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.html'));
  const texts = new Map(pages.map((page) => [page, readFileSync(join(folder, page), 'utf8')]));
  const anchors = new Map([...texts].map(([page, text]) => [page, new Set([...text.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id))]));
  const broken = [];
  const loaded = [];
  for (const [page, text] of texts) {
    for (const [, tag, rest] of text.matchAll(/<(a|link|script|img|source|iframe)\s([^>]*)>/g)) {
      const target = /\s?(?:href|src)="([^"]*)"/.exec(` ${rest}`)?.[1];
      if (target === undefined) continue;
      if (/^(https?:)?\/\//.test(target)) {
        if (tag !== 'a') loaded.push(`${page}: ${tag} ${target}`);
        continue;
      }
      if (/^[a-z]+:/.test(target)) continue;
      const [path, anchor] = target.replace(/&amp;/g, '&').split('#');
      const place = path === '' ? page : path.startsWith(base) ? path.slice(base.length) : join(dirname(page), path);
      const file = [decodeURIComponent(place)].map((one) =>
        one === '' || one.endsWith('/') || existsSync(join(folder, one, 'index.html')) ? join(one, 'index.html') : one,
      )[0];
      const found = existsSync(join(folder, file)) && statSync(join(folder, file)).isFile();
      if (!found) broken.push(`${page}: ${target}`);
      else if (anchor && anchors.has(file) && !anchors.get(file).has(decodeURIComponent(anchor)))
        broken.push(`${page}: ${target} (no such heading)`);
    }
  }
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((one) => one.endsWith('.css')))
    for (const [, target] of readFileSync(join(folder, file), 'utf8').matchAll(/url\(["']?((?:https?:)?\/\/[^)"']*)/g))
      loaded.push(`${relative(folder, file)}: ${target}`);
  return { [`every link within ${pages.length} pages resolves`]: [...new Set(broken)], 'no page loads anything from another host': loaded };
}
