// The models that a server answers with, some of which may still be loading.
import type { Model, SamplingOptions } from '@mdiff/generate';
import { RequestError } from './errors.js';

export interface ServedModel {
  readonly name: string;
  /** Resolves when the model is loaded; until then its requests are answered with 503. */
  readonly model: Promise<Model>;
  /** Options for what a request leaves out. If they hold no seed, each request without one gets a random seed. */
  readonly sampling?: SamplingOptions;
}

export interface LoadedModel {
  readonly model: Model;
  readonly sampling: SamplingOptions;
}

export interface Models {
  /** Those that are loaded, in order. */
  loaded(): Model[];
  readonly ready: boolean;
  /** The model of a request; with one model its name may be left out. Throws {@link RequestError}. */
  get(name: string | null | undefined): LoadedModel;
}

export function modelsOf(served: readonly ServedModel[]): Models {
  const names = served.map(({ name }) => name);
  const loaded = new Map<string, LoadedModel>();
  for (const { name, model, sampling = {} } of served) {
    // The caller handles a model that fails to load; here it only means "not ready".
    model.then(
      (opened) => loaded.set(name, { model: opened, sampling }),
      () => undefined,
    );
  }
  const quoted = names.map((name) => `"${name}"`).join(' or ');
  return {
    loaded: () => names.flatMap((name) => loaded.get(name)?.model ?? []),
    get ready() {
      return loaded.size === names.length;
    },
    get(given) {
      const name = given || (names.length === 1 ? names[0]! : undefined);
      if (name === undefined)
        throw new RequestError(`model: this server has several models; name one: ${quoted}`, { param: 'model', code: 'model_required' });
      if (!names.includes(name))
        throw new RequestError(`model: expected ${quoted}, got "${name}"`, { status: 404, param: 'model', code: 'model_not_found' });
      const model = loaded.get(name);
      if (model) return model;
      throw new RequestError('the model is still loading; try again in a moment', {
        status: 503,
        type: 'server_error',
        code: 'model_loading',
        headers: { 'retry-after': '1' },
      });
    },
  };
}
