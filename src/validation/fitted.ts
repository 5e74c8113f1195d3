/** A constant that was read off figures which it is then held against: its error there proves less than elsewhere. */
export interface Fitted {
  readonly constant: string;
  /** The rows it came from. */
  readonly from: string;
  /** What the same rows say with the constant left out, measured when it was set. */
  readonly without: string;
}

/** What a reader must know before believing the table: where the rows and the constants are not independent. */
export const fitted: readonly Fitted[] = [
  {
    constant: 'vllm: 0.2 ms a step that the GPU waits',
    from: 'the recorded run on the RTX 4090 (`vllm-runs`)',
    without: 'its means are 0.5 to 0.6 % fast instead of 0.2 %',
  },
  {
    constant:
      'trtllm: CPU time of a step (2.2 ms + 69 µs a sequence), and one slot less than its `max_batch_size`',
    from: 'AIConfigurator’s rows of Llama-3.1-8B on eight H100 (`silicon`)',
    without:
      'mean absolute errors of 9.6 % (TPOT) and 30.2 % (TTFT) over all rows; the vLLM rows do not use it',
  },
  {
    constant: 'KV capacity: memory that is not PyTorch’s, buffers of communication, bytes a logit',
    from: 'start-up logs of `kv-capacity`, mostly of H100s; the recorded RTX 4090 run was not among them',
    without: 'no figure, for there is no formula then; the recorded run’s blocks are its test',
  },
  {
    constant:
      'the paper’s prototype: Python twice as slow there as on the machine that its times were measured on',
    from: 'the rates of Fig. 12 on Alpaca, of 1, 1.5 and 2 (`paper-latency`); Figs. 14, 16 and 17 were not used',
    without: 'knees of the larger models on Alpaca further than a tenth away',
  },
];
