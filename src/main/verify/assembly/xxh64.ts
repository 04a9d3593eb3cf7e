/** XXH64 with seed 0, streaming. Source: "xxHash fast digest algorithm" 0.1.1, the specification by Y. Collet. */
const P1: u64 = 0x9e3779b185ebca87;
const P2: u64 = 0xc2b2ae3d27d4eb4f;
const P3: u64 = 0x165667b19e3779f9;
const P4: u64 = 0x85ebca77c2b2ae63;
const P5: u64 = 0x27d4eb2f165667c5;

let acc1: u64 = 0;
let acc2: u64 = 0;
let acc3: u64 = 0;
let acc4: u64 = 0;
let length: u64 = 0;

export function resetHash(): void {
  acc1 = P1 + P2;
  acc2 = P2;
  acc3 = 0;
  acc4 = 0 - P1;
  length = 0;
}

function round(acc: u64, word: u64): u64 {
  return rotl(acc + word * P2, 31) * P1;
}

function fold(hash: u64, acc: u64): u64 {
  return (hash ^ round(0, acc)) * P1 + P4;
}

/** Takes whole stripes: `bytes` is a multiple of 32. */
export function updateHash(p: usize, bytes: i32): void {
  let a = acc1;
  let b = acc2;
  let c = acc3;
  let d = acc4;
  for (const end = p + bytes; p < end; p += 32) {
    a = round(a, load<u64>(p));
    b = round(b, load<u64>(p, 8));
    c = round(c, load<u64>(p, 16));
    d = round(d, load<u64>(p, 24));
  }
  acc1 = a;
  acc2 = b;
  acc3 = c;
  acc4 = d;
  length += bytes;
}

/** Takes the last `bytes` (0 … 31) and returns the hash. */
export function finishHash(p: usize, bytes: i32): u64 {
  let hash = acc3 + P5;
  if (length > 0) {
    hash = rotl(acc1, 1) + rotl(acc2, 7) + rotl(acc3, 12) + rotl(acc4, 18);
    hash = fold(fold(fold(fold(hash, acc1), acc2), acc3), acc4);
  }
  hash += length + bytes;
  const end = p + bytes;
  for (; p + 8 <= end; p += 8) hash = rotl(hash ^ round(0, load<u64>(p)), 27) * P1 + P4;
  if (p + 4 <= end) {
    hash = rotl(hash ^ (load<u32>(p) * P1), 23) * P2 + P3;
    p += 4;
  }
  for (; p < end; p++) hash = rotl(hash ^ (load<u8>(p) * P5), 11) * P1;
  hash = (hash ^ (hash >> 33)) * P2;
  hash = (hash ^ (hash >> 29)) * P3;
  return hash ^ (hash >> 32);
}
