import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, ProjectConfig, diffConfigs, differences, inputOf, isSetIn, startup, valuesByKey } from '@mdiff/config';
import type { Difference, Issue, ProjectInput } from '@mdiff/config';
import { MdiffError } from '@mdiff/folder';
import { readFolderWhole, sha256 } from '@mdiff/folder/node';
import { fingerprintText, loadCorpus } from '@mdiff/prepare';
import type { TextFingerprint } from '@mdiff/prepare';
import { checkpointFolder, listCheckpoints } from './checkpoint.js';
import type { EarlierRun } from './record.js';

/** Keys that a resumed run may change: none of them changes what the run learns, up to rounding. */
const harmless = new RegExp(
  `^(?:${[
    'output_dir|data_dir|cache_dir|device|engine|log_format|reports',
    'hardware\\..+|generation\\..+',
    // The fingerprint of the text decides, not its place.
    'data\\.(?:source|format)',
    'training\\.(?:eval_every|save_every|keep_checkpoints|log_every|sample_every|val_batch_size|dataloader_num_workers|pin_memory|on_nonfinite|gradient_exchange)',
    'training\\.use_(?:gradient_checkpointing|mixed_precision)',
  ].join('|')})$`,
);

const textKeys = ['data.source', 'data.format', 'data_dir'];

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The stages without their lengths. */
const shapes = (stages: unknown): unknown =>
  (stages as Record<string, unknown>[]).map((stage) => Object.fromEntries(Object.entries(stage).filter(([word]) => word !== 'epochs')));

/** True for a change of the run's end: the steps in all. */
export const movesEnd = ({ key, asked, recorded }: Difference): boolean =>
  key === 'training.max_steps' || key === 'training.max_epochs' || (key === 'curriculum.stages' && same(shapes(asked), shapes(recorded)));

/** True for a lower learning rate: the way on for a run whose loss stopped being finite. */
const lowersRate = ({ key, asked, recorded }: Difference): boolean =>
  /^training\.(?:min_)?learning_rate$/.test(key) && Number(asked) < Number(recorded);

const mayChange = (difference: Difference): boolean => harmless.test(difference.key) || movesEnd(difference) || lowersRate(difference);

/** The configuration of a resumed run, and how it differs from the one that the run began with. */
export interface Resumed {
  config: ProjectConfig;
  changes: Difference[];
}

/**
 * The configuration to resume with: the run's own, and of `asked` only what a resumed run may change.
 * @throws ConfigError that names every other difference with both values
 */
export async function resumedConfig(asked: ProjectConfig, folder: string, earlier: EarlierRun): Promise<Resumed> {
  const own = await ownConfig(folder);
  const changes = differences(asked, own).filter((difference) => !wasAdapted(difference, earlier));
  const config = changes.length === 0 ? own : own.with(inputOf(Object.fromEntries(changes.map(({ key, asked: value }) => [key, value]))));
  const issues = changes.filter((change) => !mayChange(change)).map((change) => refusal(asked, own, change));
  if (changes.some(({ key }) => textKeys.includes(key))) {
    const text = fingerprintText(config.data.source, (await loadCorpus(config)).source);
    const recorded = earlier.fingerprint?.text;
    if (recorded?.sha256 !== text.sha256)
      issues.unshift(startup.runDiffers(asked, 'data.source', recorded ? describeText(recorded) : own.data.source, describeText(text)));
  }
  if (issues.length > 0) throw new ConfigError([...issues, ...editedKeys(own, earlier)]);
  const edited = editedKeys(own, earlier);
  if (edited.length > 0) throw new ConfigError(edited);
  return { config, changes };
}

const describeText = ({ title, source, documents, bytes }: TextFingerprint): string =>
  `"${title}" (${source}: ${documents} ${documents === 1 ? 'document' : 'documents'}, ${bytes.toLocaleString('en-US')} bytes)`;

function refusal(asked: ProjectConfig, own: ProjectConfig, { key, asked: value, recorded }: Difference): Issue {
  if (key !== 'curriculum.stages') return startup.runDiffers(asked, key, JSON.stringify(recorded), JSON.stringify(value));
  const lines = diffConfigs(own, own.with(inputOf({ [key]: value })));
  return startup.runDiffers(asked, key, 'the stages of this run', lines.join(', '));
}

/** True if the user gave the same value when the run began and the run adapted it. */
function wasAdapted({ key, asked }: Difference, { record, fingerprint }: EarlierRun): boolean {
  if (fingerprint) return same(fingerprint.adapted?.[key], asked);
  // Records of earlier releases do not hold what was asked for; the run's tokenizer and batch stay as they are.
  return record !== undefined && ['model.vocab_size', 'training.batch_size', 'training.gradient_accumulation_steps'].includes(key);
}

/** Keys of `config.resolved.yaml` that somebody has edited since the run began. */
function editedKeys(own: ProjectConfig, { fingerprint }: EarlierRun): Issue[] {
  if (!fingerprint) return [];
  return Object.entries(valuesByKey(own)).flatMap(([key, value]) => {
    const recorded = fingerprint.config[key];
    if (recorded === undefined || same(recorded, value) || mayChange({ key, asked: value, recorded, where: '' })) return [];
    return [startup.runDiffers(own, key, JSON.stringify(recorded), JSON.stringify(value))];
  });
}

/** Throws if the text that was read is not the one that the run began with. */
export function checkText(config: ProjectConfig, text: TextFingerprint, { fingerprint }: EarlierRun): void {
  const recorded = fingerprint?.text;
  if (recorded === undefined || recorded.sha256 === text.sha256) return;
  throw new ConfigError([startup.runDiffers(config, 'data.source', describeText(recorded), `${describeText(text)}, another text`)]);
}

/** A file of the run, or its copy in the newest checkpoint that has a good one. @throws MdiffError MDIFF_DAMAGED if there is none */
async function ownFile<T>(folder: string, name: string, read: (text: string) => T): Promise<T> {
  const path = join(folder, name);
  let problem: string;
  try {
    return read(await readFile(path, 'utf8'));
  } catch (error) {
    problem = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is missing' : 'is damaged';
  }
  const checkpoints = join(folder, 'checkpoints');
  for (const step of (await listCheckpoints(checkpoints)).reverse()) {
    try {
      return read((await readFolderWhole(checkpointFolder(checkpoints, step)))[name]!.toString('utf8'));
    } catch {
      // An older checkpoint may be whole.
    }
  }
  throw new MdiffError(
    'MDIFF_DAMAGED',
    `${path}: this file ${problem}, and no checkpoint has a copy of it; restore it from a copy, or start over with --fresh`,
  );
}

const ownConfig = (folder: string): Promise<ProjectConfig> =>
  ownFile(folder, 'config.resolved.yaml', (text) => {
    // YAML that was cut short is still YAML.
    if (!/^generation:\n(?: .*\n)+$/m.test(text)) throw new Error('cut short');
    return ProjectConfig.resolved(text, join(folder, 'config.resolved.yaml'));
  });

/** The values that the layers of the run set, as a layer under those of a command that resumes it. */
export async function recordedLayer(folder: string): Promise<ProjectInput> {
  const own = await ownConfig(folder);
  return inputOf(Object.fromEntries(Object.entries(valuesByKey(own)).filter(([key]) => isSetIn(own, key))));
}

/** The tokenizer that the run began with, as JSON. */
export const ownTokenizer = (folder: string, { fingerprint }: EarlierRun): Promise<string> =>
  ownFile(folder, 'tokenizer.json', (text) => {
    if (fingerprint && sha256(text) !== fingerprint.tokenizer.sha256) throw new Error('another tokenizer');
    JSON.parse(text);
    return text;
  });
