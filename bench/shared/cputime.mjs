import { readFileSync } from 'node:fs';

/** A process and those that it started: in a checkout, mdiff's command starts itself once more. */
function family(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return [pid, ...children.flatMap((child) => family(Number(child)))];
}

/** Processor time of a process in ms, all its threads together (Linux; a tick is 10 ms). It hardly depends on what else the machine does. */
export function processorTime(pid) {
  const fields = family(pid).map((one) => readFileSync(`/proc/${one}/stat`, 'utf8').split(') ')[1].split(' '));
  return fields.reduce((total, some) => total + 10 * (Number(some[11]) + Number(some[12])), 0);
}
