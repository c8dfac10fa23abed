/** Text that is markup already. */
export class Markup {
  constructor(readonly text: string) {}
}

type Value = string | number | Markup | undefined | readonly Value[];

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Characters that no page may hold (controls, halves of surrogate pairs) become U+FFFD, so that any text makes a page that parses. */
const forbidden =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const escaped = (text: string): string => text.replace(forbidden, '\ufffd').replace(/[&<>"']/g, (character) => entities[character]!);

const shown = (value: Value): string =>
  value === undefined
    ? ''
    : value instanceof Markup
      ? value.text
      : typeof value === 'object'
        ? value.map(shown).join('')
        : escaped(String(value));

/** Markup with everything in `${}` escaped, unless it is markup; lists are joined. */
export const html = (strings: TemplateStringsArray, ...values: readonly Value[]): Markup =>
  new Markup(strings.reduce((text, part, i) => text + shown(values[i - 1]) + part));
