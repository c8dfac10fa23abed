// From what you ask for to the request that the server answers. The same request is what the page shows as curl, TypeScript and Python.
import { gapsOf, partsOf, placedParts, refillParts, type Part, type Placed } from './gaps.js';
import { effective, parametersOf, type PageModel, type Settings } from './settings.js';

export interface Request {
  readonly path: 'completions' | 'infill';
  readonly body: Readonly<Record<string, unknown>>;
}

export type Action =
  { readonly kind: 'continue' } | { readonly kind: 'fill' } | { readonly kind: 'refill'; readonly start: number; readonly end: number };

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
  if (action.kind === 'fill') return infill(partsOf(text));
  // Only the endpoint of gaps can fill those of the text too, and go around words.
  if (placed.some(({ words }) => words.trim() !== '') || gapsOf(text).length > 0) return infill(placedParts(text, placed, length));
  return { path: 'completions', body: { prompt: text, max_tokens: length, ...common } };
}
