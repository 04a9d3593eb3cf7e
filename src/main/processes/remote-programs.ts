import type { Ending, Environment, Program, ProgramEntry, ProgramListener, StartProgram } from './program';

/** What a process that cannot start others asks of the one that can; `id` is chosen by the asker, unique. */
export type ProgramOrder =
  | { readonly kind: 'start'; readonly id: number; readonly entry: ProgramEntry; readonly env: Environment }
  | { readonly kind: 'post'; readonly id: number; readonly message: unknown }
  | { readonly kind: 'kill'; readonly id: number };

/** What it hears of them. */
export type ProgramNews =
  | { readonly kind: 'message'; readonly id: number; readonly message: unknown }
  | { readonly kind: 'line'; readonly id: number; readonly line: string }
  | { readonly kind: 'end'; readonly id: number; readonly ending: Ending };

/** The asker's side: programs that somebody else starts. */
export class RemotePrograms {
  private readonly listeners = new Map<number, ProgramListener>();
  private nextId = 1;

  constructor(private readonly order: (order: ProgramOrder) => void) {}

  readonly start: StartProgram = (entry, env, listener) => {
    const id = this.nextId++;
    this.listeners.set(id, listener);
    this.order({ kind: 'start', id, entry, env: { ...env } });
    return {
      post: (message) => this.order({ kind: 'post', id, message }),
      kill: () => this.order({ kind: 'kill', id }),
    };
  };

  receive(news: ProgramNews): void {
    const listener = this.listeners.get(news.id);
    if (!listener) return;
    if (news.kind === 'message') listener.message(news.message);
    else if (news.kind === 'line') listener.line(news.line);
    else {
      this.listeners.delete(news.id);
      listener.end(news.ending);
    }
  }
}

/** The starter's side: starts what one asker orders; its owner disposes it when the asker is gone. */
export class ProgramServer {
  private readonly programs = new Map<number, Program>();
  private onAllGone: (() => void) | undefined;

  constructor(
    private readonly startProgram: StartProgram,
    private readonly news: (news: ProgramNews) => void,
  ) {}

  receive(order: ProgramOrder): void {
    const { id } = order;
    if (order.kind === 'start') this.start(order);
    else if (order.kind === 'post') this.programs.get(id)?.post(order.message);
    else this.programs.get(id)?.kill();
  }

  /** Ends all of them; fulfilled when they are gone. */
  async dispose(): Promise<void> {
    for (const program of this.programs.values()) program.kill();
    if (this.programs.size > 0) await new Promise<void>((resolve) => (this.onAllGone = resolve));
  }

  private start({ id, entry, env }: Extract<ProgramOrder, { kind: 'start' }>): void {
    const listener: ProgramListener = {
      message: (message) => this.news({ kind: 'message', id, message }),
      line: (line) => this.news({ kind: 'line', id, line }),
      end: (ending) => {
        this.programs.delete(id);
        this.news({ kind: 'end', id, ending });
        if (this.programs.size === 0) this.onAllGone?.();
      },
    };
    try {
      this.programs.set(id, this.startProgram(entry, env, listener));
    } catch (e) {
      listener.end({ kind: 'not-started', reason: e instanceof Error ? e.message : String(e) });
    }
  }
}
