// Preloaded into scripts that run on the sources: a user's mistake is one line, not a stack; anything else is a bug and keeps its stack.
process.on('uncaughtException', (error) => {
  const known = typeof error?.code === 'string' && error.code.startsWith('MDIFF_');
  console.error(known ? error.message : error);
  process.exit(known ? (error.exitCode ?? 1) : 1);
});
