/** The other side of `Program`: how a program of ours reaches whoever started it. */
export interface ParentLink {
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** To be called now and then by work that keeps this process from its events: ends it where the parent is gone. */
  endIfOrphaned(): void;
}

/** The part of Electron's `process.parentPort` that is used; it is there in utility processes alone. */
interface UtilityPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): void;
}

/** What a utility process sends: Electron does not say for certain how one ended, so an ordinary end is announced. */
export type UtilityMessage = { readonly said: unknown } | { readonly exits: number };

/** Whether this process was started by Electron's main process, which alone can start further ones there. */
export function inUtilityProcess(): boolean {
  return utilityPort() !== undefined;
}

/** Of this process; it ends when its parent is gone. Throws where it was not started as a program of ours. */
export function parentLink(): ParentLink {
  const parent = process.ppid;
  const endIfOrphaned = (): void => {
    // From within native code, so without unwinding.
    if (!isParent(parent)) process.kill(process.pid, 'SIGKILL');
  };
  const port = utilityPort();
  return { ...(port ? utilityLink(port) : nodeLink()), endIfOrphaned };
}

/** A child that lost its parent gets another one, but for Windows. */
function isParent(pid: number): boolean {
  if (process.platform !== 'win32') return process.ppid === pid;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function utilityPort(): UtilityPort | undefined {
  return (process as { readonly parentPort?: UtilityPort }).parentPort;
}

function utilityLink(port: UtilityPort): Omit<ParentLink, 'endIfOrphaned'> {
  const post = (message: UtilityMessage): void => port.postMessage(message);
  process.on('exit', (exits) => post({ exits }));
  // A terminal sends these to the whole group: it is main that ends, and ends this process.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  return {
    post: (said) => post({ said }),
    onMessage: (listener) => port.on('message', ({ data }) => listener(data)),
  };
}

function nodeLink(): Omit<ParentLink, 'endIfOrphaned'> {
  if (!process.send) throw new Error('this program is started by Quarrel itself, not by hand');
  process.on('disconnect', () => process.exit(1));
  return {
    // A parent that is gone is told by the channel's end.
    post: (message) => void process.send?.(message, undefined, undefined, () => undefined),
    onMessage: (listener) => process.on('message', listener),
  };
}
