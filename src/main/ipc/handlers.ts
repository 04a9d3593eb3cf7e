import type { IpcMainInvokeEvent, WebContents } from 'electron';
import { ipcMain } from 'electron';
import { z } from 'zod';
import { CancelledError, QuarrelError } from '../../shared/base/errors';
import type {
  CallAnswer,
  CallName,
  CallRequest,
  EventContract,
  EventName,
  Failure,
  Reply,
} from '../../shared/ipc/contract';
import { callChannel, eventChannel } from '../../shared/ipc/contract';
import { UI_URL } from '../windows/app-protocol';
import { REQUEST_SCHEMAS } from './request-schemas';

/** What main does for each call of the contract; total, as the schemas are. */
export type CallHandlers = {
  readonly [N in CallName]: (request: CallRequest<N>) => CallAnswer<N> | Promise<CallAnswer<N>>;
};

/** Serves the contract to one window's own page and refuses everybody else. */
export function serveCalls(owner: () => WebContents | undefined, handlers: CallHandlers): void {
  for (const name of Object.keys(REQUEST_SCHEMAS) as CallName[]) {
    ipcMain.handle(callChannel(name), (event, raw: unknown) => answer(name, handlers, isOurs(event, owner()), raw));
  }
}

export function sendEvent<N extends EventName>(to: WebContents | undefined, name: N, payload: EventContract[N]): void {
  if (to && !to.isDestroyed() && !to.isCrashed()) to.send(eventChannel(name), payload);
}

function isOurs(event: IpcMainInvokeEvent, owner: WebContents | undefined): boolean {
  return owner !== undefined && event.senderFrame === owner.mainFrame && owner.mainFrame.url === UI_URL;
}

async function answer<N extends CallName>(
  name: N,
  handlers: CallHandlers,
  trusted: boolean,
  raw: unknown,
): Promise<Reply<CallAnswer<N>>> {
  if (!trusted) return refused(`${name}: the sender is not Quarrel's own window`);
  const parsed = REQUEST_SCHEMAS[name].safeParse(raw);
  if (!parsed.success) return refused(`${name}: ${z.prettifyError(parsed.error)}`);
  try {
    return { ok: true, value: await handlers[name](parsed.data) };
  } catch (e) {
    return { ok: false, failure: failureOf(e, name) };
  }
}

function refused(message: string): { readonly ok: false; readonly failure: Failure } {
  return { ok: false, failure: { kind: 'refused', message } };
}

function failureOf(e: unknown, name: CallName): Failure {
  if (e instanceof CancelledError) return { kind: 'cancelled' };
  if (e instanceof QuarrelError) {
    return { kind: 'failed', message: e.message, ...(e.detail === undefined ? {} : { detail: e.detail }) };
  }
  console.error(e); // a bug of ours: the stack belongs on the terminal, not in the window
  return { kind: 'failed', message: `Internal error in ${name}: ${e instanceof Error ? e.message : String(e)}` };
}
