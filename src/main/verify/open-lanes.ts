import { QuarrelError } from '../../shared/base/errors';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { locateLibrary } from '../capture/library-files';
import type { Disposable } from '../jobs/owned';
import { openCpuDecoder } from './cpu-decoders';
import type { OpenDevice } from './device-decoder';
import { DeviceLane } from './device-lane';
import type { VerifyLane } from './lanes';
import type { CpuLane } from './tile';

/** A lane that was asked for, opened as far as that was possible. */
export interface OpenLane {
  readonly name: string;
  /** What runs it; undefined where there is nothing to say. */
  readonly engine: string | undefined;
  /** Undefined on lanes that worker threads run themselves. */
  readonly device: DeviceLane | undefined;
  readonly cpu: CpuLane | undefined;
  /** Why it decodes nothing, or nothing of this type; undefined where it does. */
  missing(type: GgmlTypeName): string | undefined;
}

/**
 * Opens a lane. One that cannot run here is returned with its reason: it is "not measured", the others go on.
 * @param slots tiles that may wait for the workers at a time
 * @param own takes what is to be disposed at the end
 */
export async function openLane(
  lane: VerifyLane,
  openDevice: OpenDevice,
  slots: number,
  own: (item: Disposable) => void,
): Promise<OpenLane> {
  const { name } = lane;
  try {
    if (lane.kind === 'cpu') {
      const { missing } = openCpuDecoder(lane.lane);
      return { name, engine: engineOf(lane.lane), cpu: lane.lane, device: undefined, missing };
    }
    const decoder = await openDevice(lane.overlay);
    own(decoder);
    const device = new DeviceLane(decoder, slots);
    return { name, engine: decoder.label, cpu: undefined, device, missing: (type) => device.failure(type) };
  } catch (error) {
    if (!(error instanceof QuarrelError)) throw error;
    const { message } = error;
    return { name, engine: undefined, cpu: undefined, device: undefined, missing: () => message };
  }
}

function engineOf(lane: CpuLane): string | undefined {
  if (lane !== 'llama') return undefined;
  const { ggmlBase, label } = locateLibrary();
  return `${label} ${ggmlBase.split(/[\\/]/).at(-1)}`;
}
