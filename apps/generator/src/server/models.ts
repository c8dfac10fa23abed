// The models that a server answers with, some of which may still be loading.
import type { Model, SamplingOptions } from '@mdiff/generate';
import { RequestError, RETRY_SOON } from './errors.js';

export interface ServedModel {
  readonly name: string;
  /** Resolves when the model is loaded; until then its requests are answered with 503. */
  readonly model: Promise<Model>;
  /** Options for what a request leaves out. If they hold no seed, each request without one gets a random seed. */
  readonly sampling?: SamplingOptions;
  /** Called once, with what takes each later version of the model. */
  readonly onVersions?: (replace: (version: LoadedModel) => void) => void;
  /** Loads the model again when its inference thread has died; unless given, it stays lost. */
  readonly reopen?: () => Promise<LoadedModel>;
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
  /** Runs a job with the model as it is when the job begins; a model that is replaced meanwhile stays open until the job is done. */
  use<T>(name: string | null | undefined, job: (loaded: LoadedModel) => Promise<T>): Promise<T>;
  /** From now on requests get this version of a model. The one before is closed once nobody uses it. */
  replace(name: string, version: LoadedModel): void;
}

interface Entry extends LoadedModel {
  users: number;
  replaced: boolean;
}

interface ModelsOptions {
  /** Receives what went wrong with a model that cannot be loaded again. */
  readonly onFault?: ((error: Error) => void) | undefined;
  /** Called with each version of a model before its first request. */
  readonly onLoaded?: (name: string, model: Model) => void;
}

export function modelsOf(
  served: readonly ServedModel[],
  { onFault = () => undefined, onLoaded = () => undefined }: ModelsOptions = {},
): Models {
  const names = served.map(({ name }) => name);
  const loaded = new Map<string, Entry>();
  const lost = new Set<string>();
  const set = (name: string, version: LoadedModel): void => {
    onLoaded(name, version.model);
    loaded.set(name, { ...version, users: 0, replaced: false });
    lost.delete(name);
  };
  for (const { name, model, sampling = {} } of served) {
    // The caller handles a model that fails to load; here it only means "not ready".
    model.then(
      (opened) => set(name, { model: opened, sampling }),
      () => undefined,
    );
  }
  const closeUnused = ({ users, replaced, model }: Entry): void => {
    if (replaced && users === 0) void model.close();
  };
  const reopening = new Set<string>();
  const reopen = async (name: string): Promise<void> => {
    const again = served.find((one) => one.name === name)?.reopen;
    if (!again || reopening.has(name)) return;
    reopening.add(name);
    try {
      set(name, await again());
    } catch (error) {
      onFault(error as Error); // the next request tries again
    } finally {
      reopening.delete(name);
    }
  };
  /** The thread of a model has died: its requests fail, and the model is loaded again. */
  const lose = (name: string, entry: Entry, error: Error): void => {
    if (loaded.get(name) !== entry) return;
    onFault(error);
    loaded.delete(name);
    lost.add(name);
    entry.replaced = true;
    void reopen(name);
  };
  const entryOf = (given: string | null | undefined): Entry => {
    const name = nameOf(given, names);
    const entry = loaded.get(name);
    if (entry) return entry;
    if (lost.has(name)) void reopen(name);
    throw stillLoading();
  };
  return {
    loaded: () => names.flatMap((name) => loaded.get(name)?.model ?? []),
    get ready() {
      return loaded.size === names.length;
    },
    get: entryOf,
    async use(name, job) {
      const entry = entryOf(name);
      entry.users++;
      try {
        return await job(entry);
      } catch (error) {
        if ((error as { code?: string }).code !== 'MDIFF_WORKER_ENDED') throw error;
        lose(nameOf(name, names), entry, error as Error);
        throw threadDied();
      } finally {
        entry.users--;
        closeUnused(entry);
      }
    },
    replace(name, version) {
      const before = loaded.get(name);
      set(name, version);
      if (!before) return;
      before.replaced = true;
      closeUnused(before);
    },
  };
}

const stillLoading = (): RequestError =>
  new RequestError('the model is still loading; try again in a moment', {
    status: 503,
    type: 'server_error',
    code: 'model_loading',
    headers: RETRY_SOON,
  });

const threadDied = (): RequestError =>
  new RequestError('the inference thread of this model died, and the server starts another; send the request again in a moment', {
    status: 503,
    type: 'server_error',
    code: 'model_restarting',
    headers: RETRY_SOON,
  });

function nameOf(given: string | null | undefined, names: readonly string[]): string {
  const quoted = names.map((name) => `"${name}"`).join(' or ');
  const name = given || (names.length === 1 ? names[0]! : undefined);
  if (name === undefined)
    throw new RequestError(`model: this server has several models; name one: ${quoted}`, { param: 'model', code: 'model_required' });
  if (!names.includes(name))
    throw new RequestError(`model: expected ${quoted}, got "${name}"`, { status: 404, param: 'model', code: 'model_not_found' });
  return name;
}
