import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { ProjectConfig } from '@mdiff/config';
import { installedEngines, launcherEnvironment, resolveEngine } from '@mdiff/engine';

// Some settings of native TensorFlow are read when a process starts, before any code of ours. A run that wants them starts over, once, in a
// child that has them.

/** Variables that the process of a run should have had from its start; empty where it needs none, or has them. */
export function launchVariables(config: ProjectConfig, env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  if (config.device === 'webgpu') return {}; // no TensorFlow there, and to find the device takes a process
  try {
    const { tensorflow } = resolveEngine(config, installedEngines(config.cache_dir, env));
    return tensorflow ? launcherEnvironment(tensorflow, env) : {};
  } catch {
    return {}; // the run says what is wrong
  }
}

export interface Launch {
  env?: NodeJS.ProcessEnv;
  /** this process's own unless given */
  program?: string;
  args?: readonly string[];
}

/**
 * Runs this command again in a child with more variables, on this process's terminal and standard input.
 * @returns its exit code, as a shell counts it
 */
export function relaunch(variables: Readonly<Record<string, string>>, { env = process.env, program = process.execPath, args = [...process.execArgv, ...process.argv.slice(1)] }: Launch = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...env, ...variables }, stdio: 'inherit' });
    // The terminal sends Ctrl-C to both; the child saves its work and decides when to end.
    const onInterrupt = (): void => undefined;
    const onTerminate = (): void => void child.kill('SIGTERM');
    process.on('SIGINT', onInterrupt);
    process.on('SIGTERM', onTerminate);
    const end = (): void => {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onTerminate);
    };
    child.on('error', (error) => (end(), reject(error)));
    child.on('exit', (code, signal) => (end(), resolve(code ?? 128 + constants.signals[signal!])));
  });
}
