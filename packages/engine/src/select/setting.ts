import type { Issue, ProjectConfig } from '@mdiff/config';
import type { Device, EngineName } from '../devices.js';
import { threadsOf } from '../open.js';
import type { NativeTensorFlow } from '../tensorflow/locate.js';
import { memoryOf } from './memory.js';
import type { MemoryFactors } from './memory.js';
import { precisionOf } from './precision.js';
import type { Precision } from './precision.js';
import { installedEngines, selectEngine } from './select.js';

// Everything that decides how a run is computed. A run selects it once, before it reads any text, prints it as one line and records it in run.json.

export interface EngineSetting {
  engine: EngineName;
  device: Device;
  threads: number;
  precision: Precision;
}

export interface SettingSelection {
  setting: EngineSetting;
  tensorflow?: NativeTensorFlow;
  /** the engine's numbers for the memory estimate */
  memory: MemoryFactors;
  /** N1 and N2: differences from the configuration */
  notices: Issue[];
}

/** Engine, device and precision of a configuration on this machine. @throws what `selectEngine` throws */
export function selectSetting(config: ProjectConfig): SettingSelection {
  const { engine, device, tensorflow, notices } = selectEngine(config, installedEngines(config.cache_dir));
  const { precision, notices: precisionNotices } = precisionOf(config, { engine, device });
  return {
    setting: { engine, device, threads: threadsOf(engine, config.hardware.cpu_threads), precision },
    ...(tensorflow && { tensorflow }),
    memory: memoryOf({ engine, precision, checkpointing: config.training.use_gradient_checkpointing }),
    notices: [...notices, ...precisionNotices],
  };
}

export const describeSetting = ({ engine, device, threads, precision }: EngineSetting): string =>
  `${engine} on ${device}, ${threads} ${threads === 1 ? 'thread' : 'threads'}, ${precision}`;

/** True if the same steps give the same bits under both settings. */
export const sameBits = (a: EngineSetting, b: EngineSetting): boolean =>
  (['engine', 'device', 'threads', 'precision'] as const).every((key) => a[key] === b[key]);
