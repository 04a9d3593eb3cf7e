"""Makes the tokenizer and the training data. python3 prepare.py countries.json OUT_DIR"""
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from facts import capitals, corpus, paragraphs

VOCABULARY = 4000
LENGTH = 96
PARAGRAPHS = 400_000
SEED = 7
END = '<|endoftext|>'


def main(countries, out):
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    texts = corpus(countries)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=[END],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    # each sentence as often as it is trained, with and without what comes before it
    tokenizer.train_from_iterator((t for w, t in texts for _ in range(w)), trainer)
    tokenizer.save(str(out / 'tokenizer.json'))

    rows = np.zeros((PARAGRAPHS, LENGTH), np.uint16)
    lengths = np.zeros(PARAGRAPHS, np.uint16)
    for i, text in enumerate(paragraphs(texts, SEED, PARAGRAPHS)):
        ids = ([0] + tokenizer.encode(text).ids + [0])[:LENGTH]
        rows[i, :len(ids)] = ids
        lengths[i] = len(ids)
    np.savez_compressed(out / 'data.npz', rows=rows, lengths=lengths)

    asked = [(tokenizer.encode(p).ids, tokenizer.encode(p + a).ids) for p, a in capitals(countries)]
    with open(out / 'capitals.txt', 'w', encoding='utf-8') as f:
        for prompt, whole in asked:
            if whole[:len(prompt)] != prompt:
                raise SystemExit(f'the answer changes the prompt\'s tokens: {prompt} {whole}')
            f.write(f'{" ".join(map(str, prompt))}\t{whole[len(prompt)]}\n')
    print(f'{len(texts)} sentences, {tokenizer.get_vocab_size()} tokens, {lengths.mean():.1f} tokens a row, '
          f'{len(asked)} capitals')


if __name__ == '__main__':
    main(*sys.argv[1:])
