import { readEnvironment } from '../../build/environment.mjs';
import { gpuEnv } from '../../build/gpu-env.mjs';

// The Vulkan loader reads these when Dawn is loaded, so they are set before any test file imports it.
Object.assign(process.env, gpuEnv(readEnvironment()?.swiftshaderIcd));
