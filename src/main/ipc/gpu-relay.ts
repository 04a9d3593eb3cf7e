import type { MessagePort } from 'node:worker_threads';
import type { GpuMessage } from '../../shared/ipc/gpu-window';
import { GpuWindow } from '../windows/gpu-window';

/** Joins the job worker and the GPU window, which cannot reach each other directly. One worker at a time. */
export class GpuRelay {
  private port: MessagePort | undefined;
  private readonly window = new GpuWindow((event) => this.port?.postMessage(event));

  /** Takes main's end of a new worker's channel. */
  connect(port: MessagePort): void {
    this.port = port;
    port.on('message', (message: GpuMessage) => void this.window.post(message));
    port.once('close', () => {
      if (this.port !== port) return;
      // The worker is gone: whatever the window still runs has no reader.
      this.port = undefined;
      this.window.close('The job worker stopped.');
    });
  }
}
