import type { GgmlTypeName } from '../../shared/quant/ggml-type';

/** Decodes blocks outside the worker threads, on a device. Failures are QuarrelError or DeviceLostError. */
export interface DeviceDecoder {
  /** Adapter and implementation, for the report. */
  readonly label: string;
  /** Why it has no decoder for a type; undefined where it has one. */
  missing(type: GgmlTypeName): string | undefined;
  /** @param blocks whole blocks; the memory may be reused once the promise is settled */
  decode(type: GgmlTypeName, blocks: Uint8Array): Promise<Float32Array>;
  dispose(): void;
}

/** Opens a device; `overlay` is a folder of shaders in place of the project's. Throws QuarrelError. */
export type OpenDevice = (overlay: string | undefined) => Promise<DeviceDecoder>;
