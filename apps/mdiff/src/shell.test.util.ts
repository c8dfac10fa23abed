// Enough of a shell's grammar to read the commands of a page: words, quotes, comments, lines that go on, and what joins commands.

const escapes = /\\\n/g;

/** The text of a `$(…)` or `<(…)` that begins at `start`, and the place behind it. */
function inside(text: string, start: number): { inner: string; end: number } {
  let depth = 0;
  for (let end = start; end < text.length; end++) {
    if (text[end] === '(') depth++;
    else if (text[end] === ')' && --depth === 0) return { inner: text.slice(start + 1, end), end: end + 1 };
  }
  throw new Error(`unclosed parenthesis: ${text.slice(start)}`);
}

/** The commands of a block as lists of words; commands inside `$(…)` and `<(…)` are commands of their own. @throws Error for an open quote */
export function commandsOf(block: string): string[][] {
  const text = block.replace(escapes, ' ');
  const commands: string[][] = [];
  let words: string[] = [];
  let word: string | undefined;
  const add = (piece: string): void => void (word = (word ?? '') + piece);
  const endWord = (): void => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  const endCommand = (): void => {
    endWord();
    if (words.length > 0) commands.push(words);
    words = [];
  };
  for (let i = 0; i < text.length;) {
    const rest = text.slice(i);
    const substitution = /^[$<]\(/.test(rest);
    if (substitution) {
      const { inner, end } = inside(text, i + 1);
      commands.push(...commandsOf(inner));
      add('SUBSTITUTED');
      i = end;
    } else if (rest[0] === "'" || rest[0] === '"') {
      const end = text.indexOf(rest[0], i + 1);
      if (end < 0) throw new Error(`open quote: ${rest}`);
      add(text.slice(i + 1, end));
      i = end + 1;
    } else if (rest[0] === '#' && word === undefined) {
      i = text.indexOf('\n', i) < 0 ? text.length : text.indexOf('\n', i);
    } else if (/^(&&|\|\||[;|&\n{}])/.test(rest)) {
      endCommand();
      i += /^(&&|\|\||.|\n)/.exec(rest)![0].length;
    } else if (/^[<>]+ *[^ \n]+/.test(rest) && !/^<[a-z ]+>/.test(rest)) {
      i += /^[<>]+ *[^ \n]+/.exec(rest)![0].length; // a redirection is no argument
    } else if (/^<[a-z ]+>/.test(rest)) {
      const placeholder = /^<[a-z ]+>/.exec(rest)![0];
      add(placeholder);
      i += placeholder.length;
    } else if (/^\s/.test(rest)) {
      endWord();
      i++;
    } else {
      add(rest[0]!);
      i++;
    }
  }
  endCommand();
  return commands;
}
