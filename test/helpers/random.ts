/** `count` reproducible random 32-bit words (xorshift128, Marsaglia 2003). */
export function randomWords(count: number, seed: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(count);
  let x = seed ^ 0x9e3779b9;
  let y = 362436069;
  let z = 521288629;
  let w = 88675123;
  for (let i = 0; i < count; i++) {
    const t = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    words[i] = w;
  }
  return words;
}

/** `count` reproducible random bytes. */
export function randomBytes(count: number, seed: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(randomWords(Math.ceil(count / 4), seed).buffer, 0, count);
}
