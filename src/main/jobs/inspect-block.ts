import { QuarrelError } from '../../shared/base/errors';
import type { Result } from '../../shared/base/result';
import { err } from '../../shared/base/result';
import type { BlockInspection, DecodedLane, LaneOutcome } from '../../shared/compare/block-lanes';
import { compareBlockLanes } from '../../shared/compare/block-lanes';
import type { ProbeReport } from '../../shared/gpu/probe-block';
import type { GpuDecodedBlocks } from '../../shared/ipc/gpu-window';
import type { BlockReport } from '../../shared/quant/block-report';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { QUANT_FORMATS } from '../../shared/quant/registry';
import { locateLibrary } from '../capture/library-files';
import { blockBytes, blockReport } from '../files/block-report';
import type { ModelFile } from '../files/model-file';
import type { CpuDecoder } from '../verify/cpu-decoders';
import { openCpuDecoder } from '../verify/cpu-decoders';
import type { VerifyLane } from '../verify/lanes';
import type { CpuLane } from '../verify/tile';

/** Runs the WGSL decoders, or an overlay's, on a few blocks. Throws QuarrelError. */
export type DecodeOnDevice = (
  type: GgmlTypeName,
  blocks: Uint8Array<ArrayBuffer>,
  overlay: string | undefined,
) => Promise<GpuDecodedBlocks>;

/**
 * Decodes one block on each lane and compares them bit by bit. A lane that cannot run is "not measured" with its reason.
 * Throws QuarrelError where tensor or block do not exist.
 */
export async function inspectBlock(
  model: ModelFile,
  at: Pick<BlockReport, 'tensor' | 'index'>,
  lanes: readonly VerifyLane[],
  decodeOnDevice: DecodeOnDevice,
): Promise<BlockInspection> {
  const report = blockReport(model, at.tensor, at.index);
  const block = blockBytes(model, at.tensor, at.index);
  const decoded: DecodedLane[] = [];
  let probe: Result<ProbeReport> | null = null;
  for (const lane of lanes) {
    if (lane.kind === 'cpu') {
      const outcome = await outcomeOf(async () => decodeOnCpu(lane.lane, report.type, block));
      decoded.push({ lane: lane.name, device: false, outcome });
      continue;
    }
    const outcome = await outcomeOf(async () => {
      const { engine, values, probe: probed } = await decodeOnDevice(report.type, block, lane.overlay);
      probe ??= probed;
      return { status: 'measured', engine, values };
    });
    if (outcome.status === 'not-measured') probe ??= err(outcome.reason);
    decoded.push({ lane: lane.name, device: true, outcome });
  }
  return { ...report, ...compareBlockLanes(decoded), probe };
}

async function outcomeOf(decode: () => Promise<LaneOutcome>): Promise<LaneOutcome> {
  try {
    return await decode();
  } catch (error) {
    if (error instanceof QuarrelError) return { status: 'not-measured', reason: error.message };
    throw error;
  }
}

const opened = new Map<CpuLane, CpuDecoder>();

/** A lane's decoder, opened once per process: the library stays loaded anyway. */
function cpuDecoder(lane: CpuLane): CpuDecoder {
  const decoder = opened.get(lane) ?? openCpuDecoder(lane);
  opened.set(lane, decoder);
  return decoder;
}

function decodeOnCpu(lane: CpuLane, type: GgmlTypeName, block: Uint8Array): LaneOutcome {
  const decoder = cpuDecoder(lane);
  const reason = decoder.missing(type);
  if (reason !== undefined) return { status: 'not-measured', reason };
  const values = new Float32Array(QUANT_FORMATS[type].blockElements);
  decoder.decode(type, block, 1, values);
  return { status: 'measured', engine: engineOf(lane), values };
}

function engineOf(lane: CpuLane): string | undefined {
  if (lane !== 'llama') return undefined;
  const { ggmlBase, label } = locateLibrary();
  return `${label} ${ggmlBase.split(/[\\/]/).at(-1)}`;
}
