import { type settingsOf, UsageError } from '@mdiff/cli';
import { formatIssue, loadProject, type GenerationConfig, type ModelInput } from '@mdiff/config';
import { modelSection } from '@mdiff/folder';
import type { ModelFolder } from '@mdiff/folder/node';
import { fromGeneration, yielding, type SamplingOptions } from '@mdiff/generate';

export interface Settings {
  /** Every sampling option. `seed` is null if neither the folder nor the user gave one, here or at the top level. */
  readonly sampling: SamplingOptions;
  /** Keys of `generation` that the user has set here, by a flag, `--set` or a variable. */
  readonly chosen: ReadonlySet<string>;
  readonly interactive: boolean;
  readonly warnings: readonly string[];
}

// A run without such steps has the graph for them only if it started from a base.
const UNTRAINED =
  'generation.sampler: warning: this model was fine-tuned without next-token steps (training.causal_fraction was 0), so "causal" relies on what its base learnt; to train it, set training.causal_fraction';

/**
 * Layers, lowest first: defaults, the folder's `generation_config.json`, the environment (`MDIFF__GENERATION__…`), `--set`.
 * `config.json` fixes the model. Throws `ConfigError`, and {@link UsageError} for a key that a finished model has no use for.
 */
export function settings(folder: ModelFolder, set: ReturnType<typeof settingsOf>, env: NodeJS.ProcessEnv = process.env): Settings {
  const model = modelSection(folder.config) as ModelInput;
  const values = chosenValues(set, env);
  const generation = yielding(folder.generation, sectionOf(values), folder.config.max_seq_len);
  const { config } = loadProject({ file: false, base: { generation }, env, set, overrides: { model } });
  const idle = set.find((item) => typeof item === 'string' && !/^(generation\.|seed=)/.test(item.trim())) as string | undefined;
  if (idle !== undefined) {
    throw new UsageError(`--set: expected a key of "generation" or "seed" (the model folder fixes the rest), got "${idle.split('=')[0]}"`);
  }
  const seed = config.generation.seed ?? (values.has('seed') ? config.seed : null);
  return {
    sampling: { ...fromGeneration(config.generation), seed },
    chosen: new Set(Object.keys(sectionOf(values))),
    interactive: config.generation.interactive_mode,
    // Only what the user can act on here: other sections hold defaults, and the folder lists every key, used or not.
    warnings: [
      ...config
        .validate()
        .filter(({ path, where }) => /^(generation\.|seed$)/.test(path) && where !== 'model folder')
        .map(formatIssue),
      ...(config.generation.sampler === 'causal' && folder.config.causal_share === 0 ? [UNTRAINED] : []),
    ],
  };
}

/** By key, what the user has set here. The configuration checks the values; `yielding` compares them before. */
function chosenValues(set: ReturnType<typeof settingsOf>, env: NodeJS.ProcessEnv): ReadonlyMap<string, unknown> {
  const prefix = 'MDIFF__';
  const variables = Object.entries(env).filter(([name]) => name.startsWith(prefix));
  const settings = set.map((item) => (typeof item === 'string' ? item : item.set).split('='));
  return new Map([
    ...variables.map(([name, value = '']): [string, unknown] => [
      name.slice(prefix.length).toLowerCase().replace('__', '.'),
      plainValue(value),
    ]),
    ...settings.map(([key = '', ...value]): [string, unknown] => [key.trim(), plainValue(value.join('='))]),
  ]);
}

/** The part of the section `generation`. */
const sectionOf = (values: ReadonlyMap<string, unknown>): Partial<GenerationConfig> => {
  const prefix = 'generation.';
  return Object.fromEntries([...values].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value]));
};

/** A number or an empty list as such, anything else as it stands. */
function plainValue(text: string): unknown {
  if (/^\s*\[\s*\]\s*$/.test(text)) return [];
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text.trim();
}
