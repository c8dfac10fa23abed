#!/usr/bin/env node
const err = (text) => process.stderr.write(text);

try {
  const { run } = await import('../dist/command.js');
  process.exitCode = await run(process.argv.slice(2), (text) => process.stdout.write(text), err);
} catch (error) {
  // TensorFlow.js is not installed.
  if (error.code !== 'MDIFF_TRACE') throw error;
  err(`error: ${error.message}\n`);
  process.exitCode = 1;
}
