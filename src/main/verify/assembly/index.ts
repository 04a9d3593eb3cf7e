/**
 * What `quarrel verify` does with every decoded value: compares lanes, takes statistics, hashes. Decoders never run
 * here. All pointers are 16-byte aligned.
 */
export { firstDifference } from './compare';
export { measure, resetMeasures } from './measure';
export { finishHash, resetHash, updateHash } from './xxh64';
