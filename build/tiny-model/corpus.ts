/** What the tiny model's vocabulary is learned from; written for Quarrel. */
export const CORPUS = `
The capital of France is Paris. The capital of Italy is Rome. The capital of Spain is Madrid. The capital of Germany is
Berlin. The capital of Japan is Tokyo. The capital of Egypt is Cairo. The capital of Norway is Oslo. The capital of the
United Kingdom is London. What is the capital of France? The capital of France is Paris, and it lies on the river Seine.
Once upon a time there was a model that said the right word in one engine and the wrong word in another. The engineer
looked at the weights, at the scales, at the tensor offsets and at the rope, and all of them looked right. The layers
were the same, the heads were the same, the norms were the same. Where is the first layer that is wrong? The answer is
in the numbers: one engine reads the blocks of a tensor as they are, and the other reads them as they should be. The
first number that is not the same is in the first layer that is wrong, and the first layer that is wrong is where the
bug is. Then the engineer had an answer, and the model said Paris again.
Hello, world! This is a test. One two three four five six seven eight nine ten. 0 1 2 3 4 5 6 7 8 9 10 100 1000 2024.
The quick brown fox jumps over the lazy dog. The weather is good today, and the people of the city are in the streets.
`;
