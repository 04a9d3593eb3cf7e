import type { GraphTensor } from '../../graph/graph';

/**
 * What common engines call their checkpoints. A name that follows a convention is a hint at the node, never a proof:
 * the values decide.
 *
 * Sources: modules of Hugging Face transformers' Llama, Qwen, Gemma, GPT-2 (MLX and vLLM keep those names), Meta's llama,
 * the tensor names of GGUF, the node names of llama.cpp, the variables of candle's quantized models.
 */

/**
 * Foreign name, layer prefix included → node name without layer and `#k`, or that and the kind of op (`Qcur MUL_MAT`).
 * First match counts.
 */
const CONVENTIONS: readonly (readonly [foreign: RegExp, node: RegExp])[] = [
  // what goes into a module
  [/(^|[._/])(o_proj|wo|attn_output|attn\.c_proj|out_proj)\.input$/, /^kqv_out$/],
  [
    /(^|[._/])(down_proj|w2|ffn_down|mlp\.c_proj|fc2)\.input$/,
    /^ffn_(swiglu|geglu|reglu|gate_par|par|gelu|silu|relu|act)$/,
  ],
  [/(^|[._/])(post_attention_layernorm|ffn_norm|ln_2)\.input$/, /^(ffn_inp|attn_residual)$/],
  // attention
  [/(^|[._/])(q_rot|q_rope|q_rotated|query_rot|q_embed)(\.output)?$/, /^q(cur)?(_rope)? ROPE$/i],
  [/(^|[._/])(k_rot|k_rope|k_rotated|key_rot|k_embed)(\.output)?$/, /^k(cur)?(_rope)? ROPE$/i],
  [/(^|[._/])(q_norm|attn_q_norm)$/, /^Qcur(_normed)?$/],
  [/(^|[._/])(k_norm|attn_k_norm)$/, /^Kcur(_normed)?$/],
  [/(^|[._/])(q_proj|wq|attn_q|query)(\.output)?$/, /^q(cur)? (?!ROPE)/i],
  [/(^|[._/])(k_proj|wk|attn_k|key)(\.output)?$/, /^k(cur)? (?!ROPE)/i],
  [/(^|[._/])(v_proj|wv|attn_v|value)(\.output)?$/, /^v(cur)?$/i],
  [/(^|[._/])(qkv_proj|c_attn|query_key_value|attn_qkv|Wqkv)(\.output)?$/, /^wqkv$/],
  [/(^|[._/])(o_proj|wo|attn_output|attn\.c_proj|out_proj|self_attn|attention)(\.output)?$/, /^attn_out$/],
  [/(^|[._/])(attn_weights|attention_probs|probs|scores_softmax)$/, /^kq_soft_max(_ext)?$/],
  // norms before attention and before the feed-forward
  [/(^|[._/])(input_layernorm|attention_norm|attn_norm|ln_1)(\.output)?$/, /^attn_norm$/],
  [
    /(^|[._/])(post_attention_layernorm|pre_feedforward_layernorm|ffn_norm|ln_2)(\.output)?$/,
    /^(ffn_norm|attn_post_norm)$/,
  ],
  // feed-forward
  [/(^|[._/])(gate_proj|ffn_gate|w1)(\.output)?$/, /^ffn_gate$/],
  [/(^|[._/])(up_proj|ffn_up|w3|mlp\.c_fc|fc1)(\.output)?$/, /^ffn_up$/],
  [/(^|[._/])(down_proj|ffn_down|w2|mlp\.c_proj|fc2|mlp|feed_forward)(\.output)?$/, /^(ffn_out|ffn_down|ffn_moe_out)$/],
  [/(^|[._/])(mlp\.gate|router|ffn_gate_inp|block_sparse_moe\.gate)(\.output)?$/, /^ffn_moe_logits$/],
  // the whole layer
  [/(^|[._/])(layers?|h|blk|blocks?)[._/]\d+([._/](output|out|hidden_states?))?$/, /^l_out$/],
  // outside layers
  [
    /(^|[._/])(embed_tokens|tok_embeddings|token_embd|wte|embedding|embd|inp_embd)(\.output)?$/,
    /^(embd|inp_embd|inp_scaled)$/,
  ],
  [/(^|[._/])(lm_head|output|logits)(\.output)?$/, /^result_output$/],
  [/^((model|transformer)[._/])?(norm|output_norm|ln_f|final_layernorm|result_norm)(\.output)?$/, /^result_norm$/],
];

/** Says of a node whether a foreign name hints at it; undefined where no convention knows the name. */
export function conventionOf(foreign: string): ((node: GraphTensor) => boolean) | undefined {
  const name = foreign.replace(/\.weight$/, '');
  const found = CONVENTIONS.find(([pattern]) => pattern.test(name))?.[1];
  if (!found) return undefined;
  return ({ key, kind }) => found.test(bareName(key)) || found.test(`${bareName(key)} ${kind}`);
}

/** `Qcur` of `Qcur-3#0` and of `Qcur-{N}#0`. */
export function bareName(key: string): string {
  return key.replace(/(-(\d+|\{N\}))?(#\d+)?$/, '');
}
