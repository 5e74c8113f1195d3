/**
 * The token ids of one sequence, by position: prompt first, then output.
 * A request without one has unknown content: it is never cached and never shares a prefix.
 */
export interface TokenSource {
  /** Token id at `position` (0-based). Defined for every position whose KV has been, or is being, computed. */
  at(position: number): number;
  /** Positions that are known; absent: all that are asked for. The last one drawn may still be under way. */
  readonly length?: number;
  /** The content of sample `index` forked from this one; absent: only the prompt is known to be shared. */
  fork?(index: number): TokenSource;
}
