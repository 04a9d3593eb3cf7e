import { QuarrelError } from '../../shared/base/errors';
import { adapterName } from '../../shared/gpu/adapter';
import type { ShaderSource } from '../../shared/gpu/compose-shader';
import { BlockDecoder } from '../../shared/gpu/decode-blocks';
import { quantFile } from '../../shared/gpu/shader-variant';
import type { GgmlTypeName } from '../../shared/quant/ggml-type';
import { openShaders } from '../lanes/shader-files';
import { nodeAdapter, openNodeSession } from '../lanes/webgpu-node';
import type { OpenDevice } from './device-decoder';

/** The WGSL decoders on Dawn for Node. */
export const openWebGpuDecoder: OpenDevice = async (overlay) => {
  const shaders = openShaders(overlay);
  const adapter = adapterName(await nodeAdapter());
  const session = await openNodeSession();
  const decoder = new BlockDecoder(session, shaders);
  return {
    label: `${adapter}, Dawn for Node`,
    missing: (type) => missingShader(shaders, type),
    decode: (type, blocks) => decoder.decode(type, blocks),
    dispose: () => session.dispose(),
  };
};

/** Types without a shader are those without a file of their own. */
function missingShader(shaders: ShaderSource, type: GgmlTypeName): string | undefined {
  try {
    shaders.read(quantFile(type));
    return undefined;
  } catch (error) {
    if (error instanceof QuarrelError) return `no WGSL decoder of ${type}`;
    throw error;
  }
}
