import { html } from './html.js';
import type { Markup } from './html.js';

// Words, figures and small pieces that pages are put together from.

const LONGEST = 320;

export const count = (value: number): string => value.toLocaleString('en');
/** With a blank that no line breaks at. */
export const percent = (share: number, digits = 0): string => `${(100 * share).toFixed(digits)}\u00a0%`;
export const plural = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
/** The beginning of a long text, up to the end of a word. */
export const cut = (text: string, length = LONGEST): string =>
  text.length > length ? `${text.slice(0, length).replace(/\s+\S*$/, '')} …` : text;
export const mean = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

export const facts = (rows: readonly (readonly [string, string])[]): Markup =>
  html`<dl class="facts">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

export const figure = (picture: Markup, caption: string, wide = false): Markup =>
  html`<figure><div${wide ? html` class="wide"` : undefined}>${picture}</div><figcaption>${caption}</figcaption></figure>`;
