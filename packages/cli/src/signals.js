// Signals that ask a command to stop, each counted once. Plain JavaScript: apps/mdiff/bin/mdiff.js runs it in a checkout before anything
// can read TypeScript.
//
// A launcher (launch.js) and its child share a terminal. Ctrl-C reaches both; `kill` or a supervisor reaches only the launcher. So the
// launcher tells its child over their IPC channel how many of each signal it has received, and the child acts on the larger of two counts:
// the launcher's and its own. No signal is lost and none acts twice, whoever sends it and in whatever order it arrives. A child in a process
// group of its own would need no counting, but Ctrl-Z would no longer stop it and a resized terminal would not reach it.

/** @typedef {'SIGINT' | 'SIGTERM' | 'SIGHUP'} StopSignal */
/** @typedef {(signal: StopSignal) => void} StopListener */
/** @typedef {{ mdiff: 'signal', signal: StopSignal, total: number }} SignalMessage from a launcher: so many it has received so far */

/** @type {readonly StopSignal[]} */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** @type {Set<StopListener>} */
const listeners = new Set();
let hasLauncher = false;
const counts = { SIGINT: { own: 0, launcher: 0 }, SIGTERM: { own: 0, launcher: 0 }, SIGHUP: { own: 0, launcher: 0 } };

/** @param {StopSignal} signal */
const received = (signal) => Math.max(counts[signal].own, counts[signal].launcher);

/**
 * @param {StopSignal} signal
 * @param {'own' | 'launcher'} receiver
 * @param {number} total
 */
function count(signal, receiver, total) {
  const before = received(signal);
  counts[signal][receiver] = total;
  for (let times = received(signal) - before; times > 0; times--) deliver(signal);
}

/** @param {StopSignal} signal */
function deliver(signal) {
  if (listeners.size > 0) {
    for (const listener of [...listeners]) listener(signal);
  } else {
    endBy(signal); // nobody has anything to save
  }
}

/**
 * Ends the process as the signal would have without this file. `process.exit` would run the destructors of native libraries, and ONNX Runtime
 * aborts the process (exit code 134) if one of its sessions runs meanwhile.
 * @param {StopSignal} signal
 */
export function endBy(signal) {
  for (const name of stopSignals) process.off(name, onSignal);
  process.kill(process.pid, signal);
}

/** @param {StopSignal} signal */
const onSignal = (signal) => count(signal, 'own', counts[signal].own + 1);

/**
 * Calls `listener` for each SIGINT, SIGTERM and SIGHUP, whether it reaches this process or its launcher.
 * @param {StopListener} listener
 * @returns {() => void} ends the listening
 */
export function onStopSignal(listener) {
  if (listeners.size === 0 && !hasLauncher) for (const name of stopSignals) process.on(name, onSignal);
  listeners.add(listener);
  return () => {
    if (listeners.delete(listener) && listeners.size === 0 && !hasLauncher) for (const name of stopSignals) process.off(name, onSignal);
  };
}

/** Takes signals from the launcher, if this process is the child of one, and stops when the launcher dies. A command calls it first of all. */
export function followLauncher() {
  if (process.env.MDIFF_LAUNCHED === undefined || process.channel === undefined || process.channel === null || hasLauncher) return;
  delete process.env.MDIFF_LAUNCHED; // this process's own children have other parents
  if (listeners.size === 0) for (const name of stopSignals) process.on(name, onSignal);
  hasLauncher = true;
  process.on('message', (message) => {
    const { mdiff, signal, total } = /** @type {SignalMessage} */ (message);
    if (mdiff === 'signal') count(signal, 'launcher', total);
  });
  process.on('disconnect', () => {
    // A command that is already stopping must not take this for a second signal.
    if (stopSignals.every((signal) => received(signal) === 0)) count('SIGHUP', 'launcher', 1);
  });
  process.channel.unref(); // the channel alone keeps no process running
}
