// From what you ask for to the request that the server answers. The same request is what the page shows as curl, TypeScript and Python.
import { gapsOf, partsOf, refillParts, rewriteParts, type Part } from './gaps.js';
import { effective, parametersOf, type PageModel, type Placed, type Settings } from './settings.js';

export interface Request {
  readonly path: 'completions' | 'infill';
  readonly body: Readonly<Record<string, unknown>>;
}

export type Action =
  | { readonly kind: 'continue' }
  | { readonly kind: 'fill' }
  | { readonly kind: 'refill'; readonly start: number; readonly end: number }
  /** writes this share of the words anew */
  | { readonly kind: 'rewrite'; readonly share: number };

export interface Asking {
  readonly text: string;
  readonly action: Action;
  readonly settings: Settings;
  readonly placed: readonly Placed[];
  readonly model: PageModel | undefined;
  readonly seed?: number | undefined;
}

export function requestOf({ text, action, settings, placed, model, seed }: Asking): Request {
  const common = { ...(model && { model: model.id }), ...parametersOf(settings, model), ...(seed !== undefined && { seed }) };
  const { length } = effective(settings, model);
  const infill = (parts: readonly Part[]): Request => ({ path: 'infill', body: { parts, ...common } });
  if (action.kind === 'refill') return infill(refillParts(text, action));
  if (action.kind === 'rewrite') return infill(rewriteParts(text, { share: action.share, seed: seed ?? 0 }));
  if (action.kind === 'fill') return infill(partsOf(text));
  // Only that endpoint fills the gaps of the text too.
  if (gapsOf(text).length > 0) return infill([...partsOf(text), { gap: length }]);
  const words = Object.fromEntries(placed.flatMap(({ at, word }) => (word.trim() === '' ? [] : [[at, word.trim()]])));
  return {
    path: 'completions',
    body: { prompt: text, max_tokens: length, ...common, ...(Object.keys(words).length > 0 && { words_at: words }) },
  };
}
