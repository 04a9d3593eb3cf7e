import { ipcRenderer } from 'electron';
import { openModel } from '../main/files/model-file';
import { openShaders } from '../main/lanes/shader-files';
import { TraceFile } from '../main/traces/trace-file';
import { TraceWriter } from '../main/traces/trace-writer';
import { GPU_EVENT_CHANNEL, GPU_MESSAGE_CHANNEL, GPU_READY_CHANNEL } from '../shared/ipc/contract';
import type { GpuEvent, GpuMessage } from '../shared/ipc/gpu-window';
import type { GpuHost } from '../shared/ipc/gpu-host';

/** Files for the GPU window's page, which itself knows only `src/shared`. Trusted: the page is our own bundle. */
const host: GpuHost = {
  openModel: (path) => openModel(path),
  openTrace: (path) => TraceFile.open(path),
  createTrace: (path) => TraceWriter.create(path),
  shaders: (overlayDir) => openShaders(overlayDir),
  onMessage: (listener) => {
    ipcRenderer.on(GPU_MESSAGE_CHANNEL, (_event, message: GpuMessage) => listener(message));
    ipcRenderer.send(GPU_READY_CHANNEL);
  },
  send: (event: GpuEvent) => ipcRenderer.send(GPU_EVENT_CHANNEL, event),
};

// Without context isolation the page and this script share their globals.
Object.assign(globalThis, { gpuHost: host });
