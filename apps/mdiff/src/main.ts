import { run } from './program.js';

// A reader that has seen enough (`mdiff config print | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const code = await run(process.argv.slice(2));
if (code !== undefined) process.exitCode = code;
