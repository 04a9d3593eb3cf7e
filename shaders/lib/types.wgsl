// Element types by their ggml id (enum ggml_type in ggml.h); a variant's *_TYPE constants hold one of these.
const TYPE_F32 = 0u;
const TYPE_F16 = 1u;
const TYPE_I32 = 26u;
const TYPE_BF16 = 30u;
