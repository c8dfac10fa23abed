// Preloaded into scripts that run on the sources. It prints a user's mistake as one line without a stack; any other error is a bug and keeps its stack.
process.on('uncaughtException', (error) => {
  const known = typeof error?.code === 'string' && error.code.startsWith('MDIFF_');
  console.error(known ? error.message : error);
  process.exit(known ? (error.exitCode ?? 1) : 1);
});
