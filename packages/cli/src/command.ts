import { Command, type ErrorOptions, type HelpContext } from 'commander';

/** Commander puts its suggestion on a second line. */
const oneLine = (text: string): string => text.replace(/\s*\n\(Did you mean (.*)\?\)/s, '; did you mean $1?');

/**
 * A command whose mistakes are one line each: suggestions stand in it, a group without a command says which it has, and `help` of an unknown
 * command is a mistake. Its subcommands are of the same kind.
 */
export class CommandLine extends Command {
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
