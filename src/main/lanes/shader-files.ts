import fs from 'node:fs';
import path from 'node:path';
import { QuarrelError } from '../../shared/base/errors';
import type { ShaderSource } from '../../shared/gpu/compose-shader';
import { shadersDir } from '../entry-path';
import { readText } from '../files/open-regular';

/**
 * The project's shaders, with files of `overlay` in place of those of the same relative path; it may add files that its
 * own ones require. Throws QuarrelError when `overlay` is no folder or replaces nothing.
 */
export function openShaders(overlay?: string): ShaderSource {
  const base = shadersDir();
  const replaced = overlay === undefined ? new Set<string>() : overlayFiles(overlay, base);
  const texts = new Map<string, string>();
  return {
    read(file) {
      let text = texts.get(file);
      if (text === undefined) {
        text = readShader(overlay !== undefined && replaced.has(file) ? overlay : base, file);
        texts.set(file, text);
      }
      return text;
    },
  };
}

/** Copies the shaders of an overlay to a new folder, and nothing else of it. */
export function copyOverlay(overlay: string, target: string): void {
  for (const file of overlayFiles(overlay, shadersDir())) {
    const copy = path.join(target, file);
    fs.mkdirSync(path.dirname(copy), { recursive: true });
    fs.writeFileSync(copy, readShader(overlay, file));
  }
}

/** Relative paths, with forward slashes, of the overlay's shaders. */
function overlayFiles(overlay: string, base: string): ReadonlySet<string> {
  if (!fs.existsSync(overlay) || !fs.statSync(overlay).isDirectory()) {
    throw new QuarrelError(`webgpu@${overlay}: no such folder`);
  }
  const given = new Set(wgslFiles(overlay));
  if (!wgslFiles(base).some((file) => given.has(file))) {
    const found = given.size > 0 ? `${[...given].join(', ')} replaces nothing` : 'it has no .wgsl file';
    throw new QuarrelError(`webgpu@${overlay}: ${found}; files of shaders/ are expected, ops/mul_mat.wgsl say`);
  }
  return given;
}

function wgslFiles(folder: string, below = ''): string[] {
  return fs.readdirSync(path.join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const file = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) return wgslFiles(folder, file);
    return entry.name.endsWith('.wgsl') ? [file] : [];
  });
}

function readShader(folder: string, file: string): string {
  const whole = path.join(folder, file);
  return readText(whole, `the shader ${whole}`);
}
