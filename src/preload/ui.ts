import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type {
  CallAnswer,
  CallName,
  CallRequest,
  EventContract,
  EventName,
  QuarrelApi,
  Reply,
} from '../shared/ipc/contract';
import { callChannel, eventChannel } from '../shared/ipc/contract';

/** The little of the DOM that is used here; the folder is compiled as Node code, which has none. */
interface DroppedFile {
  /** Electron 25 only; later versions have `webUtils`. */
  readonly path?: string;
}
interface DropEvent {
  preventDefault(): void;
  readonly dataTransfer: { readonly files: { readonly 0?: DroppedFile } } | null;
}
declare const window: { addEventListener(type: 'drop' | 'dragover', listener: (event: DropEvent) => void): void };

const dropListeners = new Set<(path: string) => void>();

const api: QuarrelApi = {
  call: <N extends CallName>(name: N, request: CallRequest<N>) =>
    ipcRenderer.invoke(callChannel(name), request) as Promise<Reply<CallAnswer<N>>>,
  on: <N extends EventName>(name: N, listener: (payload: EventContract[N]) => void) => {
    const forward = (_event: unknown, payload: EventContract[N]): void => listener(payload);
    ipcRenderer.on(eventChannel(name), forward);
    return () => ipcRenderer.off(eventChannel(name), forward);
  },
  onDrop: (listener) => {
    dropListeners.add(listener);
    return () => dropListeners.delete(listener);
  },
};

function pathOf(file: DroppedFile): string {
  // Electron's types know the newest version only, where webUtils is never missing.
  const newer = webUtils as Pick<typeof webUtils, 'getPathForFile'> | undefined;
  return file.path ?? newer?.getPathForFile(file as Parameters<typeof webUtils.getPathForFile>[0]) ?? '';
}

// Paths are read here because the page cannot, and because a File loses its path on the way through the bridge.
window.addEventListener('dragover', (event) => event.preventDefault());
window.addEventListener('drop', (event) => {
  event.preventDefault();
  const file = event.dataTransfer?.files[0];
  const path = file ? pathOf(file) : '';
  if (path !== '') for (const listener of dropListeners) listener(path);
});

contextBridge.exposeInMainWorld('quarrel', api);
