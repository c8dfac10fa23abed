declare module 'sbd' {
  const sbd: { sentences(text: string, options?: { newline_boundaries?: boolean; preserve_whitespace?: boolean }): string[] };
  export default sbd;
}
