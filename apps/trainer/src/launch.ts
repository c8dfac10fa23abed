import { launch } from '@mdiff/cli';
import type { ProjectConfig } from '@mdiff/config';
import { installedEngines, launcherEnvironment, selectEngine } from '@mdiff/engine';

// Native TensorFlow reads some settings when a process starts, before any code of mdiff. A run that needs them starts once more, in a child
// that has them.

/** Variables that the process of a run needs from its start; empty if it needs none or has them. */
export function launchVariables(config: ProjectConfig, env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  if (config.device === 'webgpu') return {}; // no TensorFlow there, and to find the device takes a process
  try {
    const { tensorflow } = selectEngine(config, installedEngines(config.cache_dir, env));
    return tensorflow ? launcherEnvironment(tensorflow, env) : {};
  } catch {
    return {}; // the run reports what is wrong
  }
}

/** Runs this process's command again in a child with more variables. @returns its exit code, as in a shell */
export const relaunch = (variables: Readonly<Record<string, string>>): Promise<number> =>
  launch(process.execPath, [...process.execArgv, ...process.argv.slice(1)], { ...process.env, ...variables });
