import { type settingsOf, UsageError } from '@mdiff/cli';
import { formatIssue, ProjectConfig, type ModelInput } from '@mdiff/config';
import { modelSection } from '@mdiff/folder';
import type { ModelFolder } from '@mdiff/folder/node';
import { fromGeneration, type SamplingOptions } from '@mdiff/generate';

export interface Settings {
  /** Every sampling option. `seed` is null if neither the folder nor the user gave one. */
  readonly sampling: SamplingOptions;
  /** The top-level `seed`, for commands that must not draw one. */
  readonly seed: number;
  readonly interactive: boolean;
  readonly warnings: readonly string[];
}

/**
 * Layers, lowest first: defaults, the folder's `generation_config.json`, the environment (`MDIFF__GENERATION__…`), `--set`.
 * `config.json` fixes the model. Throws `ConfigError`, and {@link UsageError} for a key that a finished model has no use for.
 */
export function settings(folder: ModelFolder, set: ReturnType<typeof settingsOf>, env: NodeJS.ProcessEnv = process.env): Settings {
  const model = modelSection(folder.config) as ModelInput;
  const config = ProjectConfig.parse('{}', { base: { generation: folder.generation }, env, set, overrides: { model } });
  const idle = set.find((item) => typeof item === 'string' && !/^(generation\.|seed=)/.test(item.trim())) as string | undefined;
  if (idle !== undefined) {
    throw new UsageError(`--set: expected a key of "generation" or "seed" (the model folder fixes the rest), got "${idle.split('=')[0]}"`);
  }
  return {
    sampling: fromGeneration(config.generation),
    seed: config.seed,
    interactive: config.generation.interactive_mode,
    // Only what the user can act on here: other sections hold defaults, and the folder lists every key, used or not.
    warnings: config
      .validate()
      .filter(({ path, where }) => /^(generation\.|seed$)/.test(path) && where !== 'model folder')
      .map(formatIssue),
  };
}
