import type { WeightSource } from '../gguf/model-source';
import type { ShaderSource } from '../gpu/compose-shader';
import type { TraceSink, TraceSource } from '../trace/trace';
import type { GpuEvent, GpuMessage } from './gpu-window';

/** `window.gpuHost` in the GPU window: the files that its page, which knows only `src/shared`, works on. */
export interface GpuHost {
  openModel(path: string): WeightSource & Disposes;
  openTrace(path: string): TraceSource & Disposes;
  createTrace(path: string): TraceOutput;
  /** The WGSL sources; files of the overlay folder come first. Throws QuarrelError when it overlays nothing. */
  shaders(overlayDir: string | undefined): ShaderSource;
  /** Tells main that the page is ready, so it is called once and last. */
  onMessage(listener: (message: GpuMessage) => void): void;
  send(event: GpuEvent): void;
}

interface Disposes {
  dispose(): void;
}

/** A trace being written; complete after `finish`, gone after `abort`, which is harmless after `finish`. */
export interface TraceOutput extends TraceSink {
  finish(info: {
    readonly engine: string;
    readonly model: string;
    readonly tokens: readonly number[];
    readonly provenance: Readonly<Record<string, string>>;
  }): void;
  abort(): void;
}
