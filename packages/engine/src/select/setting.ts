import { coreThreads } from '@mdiff/workers';
import { isFromPreset, startup } from '@mdiff/config';
import type { Issue, ProjectConfig } from '@mdiff/config';
import type { EngineName, EngineSetting, Precision, VariantName } from '../devices.js';
import { threadsOf } from '../open.js';
import { compiledVariants, kernelsOf } from '../tensorflow/kernels.js';
import type { NativeTensorFlow } from '../tensorflow/locate.js';
import { describeProducts, productsFor, variantsOf } from '../tensorflow/variants.js';
import { fastest, timesOf, trialModel } from './fastest.js';
import type { MeasureStep, Timed } from './fastest.js';
import { memoryLimit, memoryOf } from './memory.js';
import type { MemoryFactors } from './memory.js';
import { precisionOf } from './precision.js';
import { processor } from './processor.js';
import { installedEngines, selectEngine } from './select.js';
import type { EngineSelection, InstalledEngines } from './select.js';

// Everything that decides how a run is computed. A run selects it once, before it reads any text, prints it as one line and records it in run.json.

export interface SettingSelection {
  setting: EngineSetting;
  tensorflow?: NativeTensorFlow;
  /** the engine's numbers for the memory estimate */
  memory: MemoryFactors;
  /** N1 and N2: differences from the configuration */
  notices: Issue[];
  /** the trials that decided, of every setting that the configuration leaves open; absent if there was only one, or nothing was measured */
  times?: Timed[];
}

export interface SettingOptions {
  installed?: InstalledEngines;
  /** the processor has bfloat16 */
  bf16?: boolean;
  /** the variants of products that the kernels of native TensorFlow have here */
  variants?: readonly VariantName[];
  /** threads with a core of their own */
  cores?: number;
  /** the setting of a run that is resumed: it stays wherever the configuration leaves it open, so that the losses stay the same to the bit */
  recorded?: Partial<EngineSetting> | undefined;
  /** takes the training steps of a trial; without it only trials of earlier runs decide, or else the order of preference */
  measure?: MeasureStep | undefined;
}

/**
 * Engine, device, threads and precision of a configuration on this machine. Where the configuration leaves a choice on the processor, the fastest
 * setting is taken, as trials of training steps found it here. @throws what `selectEngine` throws
 */
export async function selectSetting(config: ProjectConfig, options: SettingOptions = {}): Promise<SettingSelection> {
  const { installed = installedEngines(config.cache_dir), bf16 = processor().bf16, cores = coreThreads(), recorded, measure } = options;
  const { variants = kernelVariants(installed) } = options;
  const first = selectEngine(config, installed);
  const open = openSettings(config, first, { installed, bf16, cores, variants });
  // Records of earlier releases name no engine.
  const kept = recorded?.engine === undefined ? undefined : open.find((setting) => sameBits(setting, { ...setting, ...recorded }));
  const candidates = kept ? [kept] : open;
  const trials = candidates.map((setting) => ({
    setting,
    model: trialModel(config.model),
    ...(setting.engine === 'tfjs_node' && { tensorflow: installed.tensorflow.cpu }),
  }));
  const times = candidates.length > 1 ? await timesOf(trials, { cacheDir: config.cache_dir, measure }) : undefined;
  const setting = times ? fastest(times) : candidates[0]!;
  const { engine, device, precision } = setting;
  const tensorflow = engine === 'tfjs_node' ? installed.tensorflow[device] : undefined;
  const notices = [...first.notices, ...precisionNotices(config, setting, { bf16, times })];
  return {
    setting,
    ...(tensorflow && { tensorflow }),
    memory: {
      ...memoryOf({ engine, precision, checkpointing: config.training.use_gradient_checkpointing }),
      ...(device === 'cpu' && { limitBytes: memoryLimit() }),
    },
    notices,
    ...(times && { times }),
  };
}

/** The variants that both the compiled kernels and the processor have. */
function kernelVariants({ tensorflow: { cpu } }: InstalledEngines): VariantName[] {
  const path = cpu && kernelsOf(cpu);
  if (path === undefined) return [];
  const compiled = compiledVariants(path);
  return variantsOf(processor().flags).filter((name) => compiled.includes(name));
}

/**
 * The settings that a configuration leaves open on the selected device, in the order of preference. On a GPU it is one. On the processor
 * `engine: auto` leaves every installed engine but the reference, mixed precision both precisions, native TensorFlow the products of its kernels or its
 * own, and `cpu_threads: 0` one thread for each core or for each of its hardware threads.
 */
function openSettings(
  config: ProjectConfig,
  { engine: first, device }: EngineSelection,
  { installed, bf16, cores, variants }: { installed: InstalledEngines; bf16: boolean; cores: number; variants: readonly VariantName[] },
): EngineSetting[] {
  const compared = (['tfjs_node', 'onnxruntime'] as const).filter((engine) => installed.devices[engine].includes('cpu'));
  const engines: readonly EngineName[] = config.engine === 'auto' && device === 'cpu' ? compared : [first];
  return engines.flatMap((engine) => {
    const precision = precisionOf(config, { engine, device }, bf16);
    const precisions: readonly Precision[] = precision === 'bfloat16' && device === 'cpu' ? ['bfloat16', 'float32'] : [precision];
    const all = threadsOf(engine, config.hardware.cpu_threads);
    const counts = config.hardware.cpu_threads === 0 && device === 'cpu' ? [...new Set([all, Math.min(all, cores)])] : [all];
    return precisions.flatMap((each) => {
      const products = engine === 'tfjs_node' && device === 'cpu' ? productsFor(variants, each) : [];
      const multiplied = products.length === 0 ? [{}] : products.map((one) => ({ products: one }));
      return counts.flatMap((threads) => multiplied.map((one): EngineSetting => ({ engine, device, threads, precision: each, ...one })));
    });
  });
}

/** N1, if mixed precision was asked for and the setting does not have it: the engine cannot, or it is not faster here. A preset leaves it to the machine. */
function precisionNotices(
  config: ProjectConfig,
  { engine, device, precision }: EngineSetting,
  { bf16, times = [] }: { bf16: boolean; times: readonly Timed[] | undefined },
): Issue[] {
  const key = 'training.use_mixed_precision';
  if (!config.training.use_mixed_precision || precision === 'bfloat16' || isFromPreset(config, key)) return [];
  const half = times.find(({ setting }) => setting.precision === 'bfloat16');
  if (half) return [startup.mixedSlower(config, engine, describeTimes(times))];
  return [startup.floatOnly(config, engine, engine === 'tfjs_node' && device === 'cpu' && !bf16 ? 'on this processor' : undefined)];
}

export const describeSetting = ({ engine, device, threads, precision, products }: EngineSetting): string =>
  `${engine} on ${device}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${precision}${products ? ` by ${describeProducts(products)}` : ''}`;

/** The times of trials for people, the fastest first: "onnxruntime float32 12 ms, tfjs_node bfloat16 14 ms". */
export function describeTimes(times: readonly Timed[]): string {
  const threads = new Set(times.map(({ setting }) => setting.threads)).size > 1;
  const name = ({ engine, precision, threads: count, products }: EngineSetting): string =>
    [
      engine,
      precision,
      ...(products ? [`by ${describeProducts(products)}`] : []),
      ...(threads ? [`${count} ${count === 1 ? 'thread' : 'threads'}`] : []),
    ].join(' ');
  const ms = ({ time }: Timed): number => ('ms' in time ? time.ms : Infinity);
  return [...times]
    .sort((a, b) => ms(a) - ms(b))
    .map(
      ({ setting, time }) =>
        `${name(setting)} ${'ms' in time ? `${time.ms < 10 ? time.ms.toFixed(1) : Math.round(time.ms).toLocaleString('en-US')} ms` : `does not work (${time.reason})`}`,
    )
    .join(', ');
}

/** True if the same steps give the same bits under both settings. */
export const sameBits = (a: EngineSetting, b: EngineSetting): boolean =>
  (['engine', 'device', 'threads', 'precision', 'products'] as const).every((key) => a[key] === b[key]);
