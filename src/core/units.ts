/** Units as types: plain numbers at run time, named at every signature. */
export type Seconds = number;
export type Bytes = number;
/** A count of tokens, or of KV slots: one slot holds the keys and values of one token in all layers. */
export type Tokens = number;
/** Index of a physical KV block, `0 … numBlocks − 1`. */
export type BlockId = number;

export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;
