// Finds the folder that a model runs from. A base is weights alone: the training code writes its graph, once, into the cache.
import { existsSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { UsageError } from '@mdiff/cli';
import { FILES, MANIFEST } from '@mdiff/folder';
import { locateModel, sha256 } from '@mdiff/folder/node';

/** Version of the graphs in the cache: one more whenever their inputs or outputs change, so that those of an older mdiff are left alone. */
const GRAPHS = 2;

/** The folder of an installed model; undefined if it is not installed. */
export function installed(name: string): string | undefined {
  try {
    return locateModel(name);
  } catch {
    return undefined;
  }
}

/** The folder of a model, found as `model.init_from` finds it: an installed package such as base-en, else a path; undefined if it is neither. */
export function pathOf(name: string): string | undefined {
  const path = installed(name);
  return path === resolve(name) && existsSync(name) ? name : path;
}

/** The folder of a model that a command line names. Throws {@link UsageError} for a name that is neither a folder nor installed. */
export function modelPath(name: string): string {
  const path = pathOf(name);
  if (path !== undefined) return path; // reading it says what is wrong with it
  throw new UsageError(
    `${name}: there is no folder of this name, and no installed model; mdiff models list shows the models that are here`,
  );
}

/**
 * Writes a model folder with a graph to `place`, for one that holds weights alone; false if the package that can is not installed. The generator itself
 * cannot: graphs come from the training code.
 */
export type WithGraph = (folder: string, place: string) => Promise<boolean>;

/** The training text of a model and the held-out units of its run. */
export interface OwnText {
  readonly source: string;
  readonly seed: number;
  readonly train: readonly string[];
  readonly heldOut: readonly string[];
}

/** A command gets these from the program that it is a part of; each gives undefined where the training code is not installed. */
export interface Hooks {
  readonly withGraph?: WithGraph | undefined;
  readonly textOfModel?: (folder: string, signal?: AbortSignal) => Promise<OwnText | undefined>;
  /** `easy`, `medium` or `hard` for each text, ranked against the others */
  readonly bandsOfTexts?: (folder: string, texts: readonly string[], signal?: AbortSignal) => Promise<readonly string[] | undefined>;
}

/** The manifest of a folder that holds weights and lists no graph; undefined for any other. */
function weightsAlone(path: string): Buffer | undefined {
  if (!existsSync(join(path, MANIFEST)) || !existsSync(join(path, FILES.weights))) return undefined;
  const manifest = readFileSync(join(path, MANIFEST));
  return manifest.includes(FILES.graph) ? undefined : manifest;
}

/** The folder to load for a path, or for the name of an installed model. Throws {@link UsageError} if it has no graph, and none can be written. */
export async function runnableFolder(name: string, { withGraph }: Hooks): Promise<string> {
  const path = modelPath(name);
  const manifest = weightsAlone(path);
  if (manifest === undefined) return path;
  const { loadProject } = await import('@mdiff/config');
  const { cache_dir: cache } = loadProject().config;
  const place = resolve(cache, 'graphs', `${basename(resolve(path))}-${sha256(manifest).slice(0, 12)}-${GRAPHS}`);
  if (existsSync(join(place, MANIFEST))) return place;
  if (withGraph === undefined || !(await withGraph(path, place))) {
    throw new UsageError(
      `${name}: this model folder has weights and no graph, and the package that writes graphs is not installed; run: npm install @mdiff/trainer`,
    );
  }
  process.stderr.write(`${name}: its graph was written to ${place}, for this time and the next\n`);
  return place;
}
