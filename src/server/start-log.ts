import type { Log } from './log.ts';
import type { ServedModel } from './served-model.ts';

/** One line a model, when its engine is ready: what it runs on, and what it has room for. */
export function logStart(log: Log, models: readonly ServedModel[]): void {
  for (const { id, root, engine, chatTemplate } of models) {
    const { backend, device, policy, limits, memory, loadSeconds } = engine.info;
    log.info(
      {
        model: id,
        root,
        backend,
        device,
        policy,
        max_model_len: limits.maxModelLen,
        max_num_seqs: finite(limits.maxNumSeqs),
        max_num_batched_tokens: finite(limits.maxNumBatchedTokens),
        block_size: memory.blockSize,
        num_gpu_blocks: memory.numBlocks,
        // Why chats, or tools, will be refused.
        chat_template: chatTemplate !== undefined,
        tools: chatTemplate?.readsTools ?? false,
        load_s: Number(loadSeconds.toFixed(1)),
      },
      'model',
    );
  }
}

/** JSON has no infinity; what is left out has no limit. */
const finite = (limit: number) => (Number.isFinite(limit) ? limit : undefined);
