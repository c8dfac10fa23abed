// One process that runs a command in another: plain JavaScript for the reason that signals.js states.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { onStopSignal } from './signals.js';

/**
 * Runs a program of mdiff in a child process on this process's terminal and standard input. The child gets each signal to stop exactly once,
 * and stops by itself if this process is killed; for both it calls `followLauncher` when it starts.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} the child's exit code; 128 + the signal's number if a signal ended it, as in a shell
 */
export function launch(program, args, env = process.env) {
  return new Promise((resolve, reject) => {
    // The variable tells `followLauncher` that the channel is a launcher's and not another parent's.
    const child = spawn(program, args, { env: { ...env, MDIFF_LAUNCHED: '1' }, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
    const totals = { SIGINT: 0, SIGTERM: 0, SIGHUP: 0 };
    const stopListening = onStopSignal((signal) => {
      totals[signal]++;
      // A child that has just ended cannot be told; its exit code comes next.
      if (child.connected) child.send({ mdiff: 'signal', signal, total: totals[signal] }, () => undefined);
    });
    child.on('error', (error) => {
      stopListening();
      reject(error);
    });
    child.on('exit', (code, signal) => {
      stopListening();
      resolve(code ?? 128 + constants.signals[/** @type {NodeJS.Signals} */ (signal)]);
    });
  });
}
