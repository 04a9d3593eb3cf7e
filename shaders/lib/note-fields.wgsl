// What a decoder may tell of the elements it works on; PROBE_FIELDS of src/shared/gpu/element-fields.ts is the same list.
const NOTE_D = 0u; // scale of the block
const NOTE_DMIN = 1u; // scale of the mins; the m of Q4_1 and Q5_1
const NOTE_SCALE = 2u; // of the sub-block, as the formula multiplies d by it
const NOTE_MIN = 3u; // of the sub-block, as the formula multiplies dmin by it
const NOTE_CODE = 4u; // of the element, as the formula uses it; an entry of the codebook where there is one
const NOTE_GRID = 5u; // what the code stands for
const NOTE_SIGN = 6u; // 1 or -1
const NOTE_DELTA = 7u; // shift of the grid
const NOTE_D_SCALE = 8u; // product that the code is multiplied by
const NOTE_DMIN_MIN = 9u; // product that is subtracted
const NOTE_VALUE = 10u; // the result
const NOTE_FIELDS = 11u;
