import { QuarrelError } from '../base/errors';
import { codebookOf } from './codebooks';
import type { ComposedShader, ShaderSource } from './compose-shader';
import { composeShader } from './compose-shader';
import type { GpuSession } from './gpu-session';
import { BufferUsage, STAGE_COMPUTE } from './gpu-session';
import type { BlockType, ShaderVariant } from './shader-variant';
import { opFile, variantKey } from './shader-variant';

/** A compiled variant. */
export interface Kernel {
  readonly shader: ComposedShader;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** What the weight format's codes stand for, where the shader binds it. */
  readonly codebook: GPUBuffer | undefined;
}

/** Compiles variants on demand; one pipeline per variant key. What it makes lives as long as the device. */
export class PipelineCache {
  private readonly kernels = new Map<string, Promise<Kernel>>();
  private readonly codebooks = new Map<BlockType, GPUBuffer>();

  constructor(
    private readonly session: GpuSession,
    private readonly source: ShaderSource,
  ) {}

  /** Throws QuarrelError with file, line and message when the WGSL does not compile. */
  get(variant: ShaderVariant): Promise<Kernel> {
    const key = variantKey(variant);
    let kernel = this.kernels.get(key);
    if (!kernel) {
      kernel = this.compile(variant);
      this.kernels.set(key, kernel);
    }
    return kernel;
  }

  private async compile(variant: ShaderVariant): Promise<Kernel> {
    const shader = composeShader(variant, this.source);
    const { device } = this.session;
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ label: shader.key, code: shader.code });
    const scope = device.popErrorScope();
    const info = await this.session.guard(module.getCompilationInfo());
    const invalid = await this.session.guard(scope);
    const first = info.messages.find((m) => m.type === 'error');
    if (first) throw compileError(shader, first, variant);
    if (invalid) throw new QuarrelError(`${opFile(variant.op)} (${shader.key}): ${invalid.message}`);
    const layout = device.createBindGroupLayout({
      label: shader.key,
      entries: shader.bindings.map(({ binding, type }) => ({ binding, visibility: STAGE_COMPUTE, buffer: { type } })),
    });
    const pipeline = await this.pipeline(shader, module, layout, variant);
    return { shader, pipeline, layout, codebook: this.codebook(shader, variant) };
  }

  private codebook(shader: ComposedShader, { quant, quantOf }: ShaderVariant): GPUBuffer | undefined {
    if (!shader.bindings.some(({ name }) => name === 'codebook')) return undefined;
    return this.codebookBuffer(
      shader,
      [quant, ...Object.values(quantOf ?? {})].find((type) => type && codebookOf(type)),
    );
  }

  private codebookBuffer(shader: ComposedShader, quant: BlockType | undefined): GPUBuffer {
    const values = quant && codebookOf(quant);
    if (!quant || !values) throw new QuarrelError(`${shader.key} binds a codebook; the format has none`);
    let buffer = this.codebooks.get(quant);
    if (!buffer) {
      const descriptor = { label: `codebook ${quant}`, size: values.length, usage: BufferUsage.storage };
      buffer = this.session.device.createBuffer({ ...descriptor, mappedAtCreation: true });
      new Int8Array(buffer.getMappedRange()).set(values);
      buffer.unmap();
      this.codebooks.set(quant, buffer);
    }
    return buffer;
  }

  private async pipeline(
    shader: ComposedShader,
    module: GPUShaderModule,
    layout: GPUBindGroupLayout,
    variant: ShaderVariant,
  ): Promise<GPUComputePipeline> {
    const { device } = this.session;
    try {
      return await this.session.guard(
        device.createComputePipelineAsync({
          label: shader.key,
          layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
          compute: { module, entryPoint: 'main' },
        }),
      );
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'GPUPipelineError') throw error;
      throw new QuarrelError(
        `${opFile(variant.op)} (${shader.key}): ${error.message.split('\n', 1)[0]}`,
        error.message,
      );
    }
  }
}

function compileError(shader: ComposedShader, message: GPUCompilationMessage, variant: ShaderVariant): QuarrelError {
  const origin = shader.origin(message.lineNum);
  const place = origin ? `${origin.path}:${origin.line}:${message.linePos}` : opFile(variant.op);
  return new QuarrelError(`${place}: ${message.message} (variant ${shader.key})`);
}
