// What the commands share: aligned columns, and the exit code of an error.
import { exitCodeOf, isUserError, table, UsageError } from '@mdiff/cli';

const rows = [
  ['run', 'steps'],
  ['moby-dick', '218'],
];
for (const line of table(rows).trimEnd().split('\n')) console.log(line);
for (const error of [new UsageError('an unknown option'), new Error('a fault of the program')])
  console.log(`${error.message}: the user's mistake: ${isUserError(error)}, exit code ${exitCodeOf(error)}`);

// Prints:
// run        steps
// moby-dick  218
// an unknown option: the user's mistake: true, exit code 2
// a fault of the program: the user's mistake: false, exit code 1
