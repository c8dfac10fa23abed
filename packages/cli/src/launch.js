// One process that runs a command in another: plain JavaScript for the reason that signals.js states.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { onStopSignal } from './signals.js';

/** The system's reasons for a signal that no user sends. @type {Readonly<Record<string, string>>} */
const causes = {
  SIGKILL: 'most likely because memory ran out; close other programs or use a smaller batch',
  SIGABRT: 'it gave up, most likely because memory ran out; use a smaller batch',
  SIGXCPU: 'its time limit (ulimit -t) is over; raise the limit',
  SIGSEGV: 'it crashed; "mdiff engine doctor" shows whether the engine works here',
  SIGBUS: 'it crashed, perhaps because a disk is full; free space',
  SIGILL: 'it crashed on an instruction that this processor does not have; try --set engine=tfjs',
};

/**
 * Says which signal ended a child; nothing where a user sent it.
 * @param {NodeJS.Signals} signal
 * @param {number | undefined} pid
 * @param {readonly string[]} args
 */
function nameEnding(signal, pid, args) {
  if (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGPIPE'].includes(signal)) return;
  const again = args.some((arg) => arg === 'train' || arg === 'pretrain') ? 'run the command again with --resume' : 'run the command again';
  const { OMPI_COMM_WORLD_RANK, PMI_RANK, SLURM_STEP_ID, SLURM_PROCID } = process.env;
  const rank = OMPI_COMM_WORLD_RANK ?? PMI_RANK ?? (SLURM_STEP_ID === undefined ? undefined : SLURM_PROCID);
  process.stderr.write(
    `\nmdiff: ${signal} ended the process of this command (${rank === undefined ? '' : `rank ${rank}, `}pid ${pid}): ${causes[signal] ?? 'nobody knows why'}; ${again}\n`,
  );
}

/**
 * Runs a program of mdiff in a child process on this process's terminal and standard input. The child gets each signal to stop exactly once,
 * and stops by itself if this process is killed; for both it calls `followLauncher` when it starts.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} the child's exit code; 128 + the signal's number if a signal ended it, as in a shell
 */
export function launch(program, args, env = process.env) {
  process.stderr.on('error', () => undefined); // without it the launcher goes on
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
      if (signal !== null) nameEnding(signal, child.pid, args);
      resolve(code ?? 128 + constants.signals[/** @type {NodeJS.Signals} */ (signal)]);
    });
  });
}
