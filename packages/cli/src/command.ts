import { homedir } from 'node:os';
import { expandHome } from '@mdiff/folder';
import { Command, type ErrorOptions, type HelpContext, type Option } from 'commander';

/** Commander puts its suggestion on a second line. */
const oneLine = (text: string): string => text.replace(/\s*\n\(Did you mean (.*)\?\)/s, '; did you mean $1?');

/** Arguments and values of options that are paths, by the name that help shows. */
const paths = new Set(['a', 'b', 'book', 'file', 'folder', 'run', 'texts']);
const takesPath = ({ flags }: Option): boolean => paths.has(/<([^>]+)>$/.exec(flags)?.[1] ?? '');

const home = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(home);
  return typeof value === 'string' ? expandHome(value, homedir()) : value;
};

/** Expands `~/` in every path of a command: a shell leaves it in `--config=~/x.yaml`, and in quotes. */
function expandPaths(command: Command): void {
  for (const option of command.options.filter(takesPath)) {
    const name = option.attributeName();
    const value: unknown = command.getOptionValue(name);
    if (value !== undefined) command.setOptionValueWithSource(name, home(value), command.getOptionValueSource(name));
  }
  command.registeredArguments.forEach((argument, i) => {
    if (paths.has(argument.name())) command.processedArgs[i] = home(command.processedArgs[i]);
  });
}

/**
 * A command whose mistakes are one line each: suggestions stand in it, a group without a command says which it has, and `help` of an unknown
 * command is a mistake. Its subcommands are of the same kind.
 */
export class CommandLine extends Command {
  constructor(name?: string) {
    super(name);
    this.hook('preAction', (_root, command) => expandPaths(command));
  }

  override createCommand(name?: string): CommandLine {
    return new CommandLine(name);
  }

  override error(message: string, options?: ErrorOptions): never {
    return super.error(oneLine(message), options);
  }

  override outputHelp(context?: HelpContext | ((text: string) => string)): void {
    this.refuseUnknown(this.args[0]);
    super.outputHelp(context as HelpContext);
  }

  override help(context?: HelpContext | ((text: string) => string)): never {
    if (typeof context === 'object' && context.error && this.parent) {
      if (this.args[0] === 'help') this.refuseUnknown(this.args[1]);
      const names = this.commands.map((command) => command.name()).join(', ');
      this.error(`error: ${this.path()}: no command given; its commands are ${names}`);
    }
    return super.help(context as HelpContext);
  }

  /** The words that call this command, such as `mdiff data inspect`. */
  path(): string {
    return this.parent instanceof CommandLine ? `${this.parent.path()} ${this.name()}` : this.name();
  }

  /** `mdiff data nope --help` would print the help of `mdiff data`. */
  private refuseUnknown(word: string | undefined): void {
    if (this.commands.length === 0 || word === undefined || word.startsWith('-') || word === 'help') return;
    if (!this.commands.some((command) => command.name() === word || command.aliases().includes(word))) this.parse([word], { from: 'user' });
  }
}
