"""Writes the trained specimen as GGUF. python3 to_gguf.py DATA_DIR SPECIMEN.npz OUT.gguf   (PyPI: gguf, numpy)"""
import json
import sys
from pathlib import Path

import gguf
import numpy as np

CONTEXT, DIM, LAYERS, HEADS, KV_HEADS, FF, EPS, ROPE_BASE = 512, 256, 8, 8, 4, 768, 1e-5, 10000.0


def main(data, weights, out):
    w = gguf.GGUFWriter(out, 'llama')
    w.add_name('Quarrel specimen')
    w.add_description('Knows the capitals, currencies, languages and neighbours of the world; made to show numeric bugs.')
    w.add_license('ODbL-1.0')
    w.add_string('general.source.data', 'npm package world-countries 5.1.0, countries.json (ODbL-1.0)')
    w.add_string('general.source.script', 'scripts/specimen: prepare.py (seed 7), train.py (seed 7), to_gguf.py')
    w.add_context_length(CONTEXT)
    w.add_embedding_length(DIM)
    w.add_block_count(LAYERS)
    w.add_feed_forward_length(FF)
    w.add_head_count(HEADS)
    w.add_head_count_kv(KV_HEADS)
    w.add_layer_norm_rms_eps(EPS)
    w.add_rope_freq_base(ROPE_BASE)
    w.add_rope_dimension_count(DIM // HEADS)
    w.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    vocabulary(w, Path(data) / 'tokenizer.json')
    loaded = np.load(weights)
    for name in loaded.files:
        w.add_tensor(name, loaded[name])
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def vocabulary(w, path):
    model = json.loads(path.read_text(encoding='utf-8'))['model']
    tokens = [t for t, _ in sorted(model['vocab'].items(), key=lambda kv: kv[1])]
    merges = [' '.join(m) if isinstance(m, list) else m for m in model['merges']]
    w.add_vocab_size(len(tokens))
    w.add_tokenizer_model('gpt2')
    w.add_tokenizer_pre('gpt-2')
    w.add_token_list(tokens)
    w.add_token_types([gguf.TokenType.CONTROL] + [gguf.TokenType.NORMAL] * (len(tokens) - 1))
    w.add_token_merges(merges)
    w.add_bos_token_id(0)
    w.add_eos_token_id(0)
    w.add_add_bos_token(True)


if __name__ == '__main__':
    main(*sys.argv[1:])
