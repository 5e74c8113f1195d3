/** Hands out runs of consecutive units. Lowest address first, so that results do not depend on history's luck. */
export interface RangeAllocator {
  readonly size: number;
  /** Start of a free run of `length` units and the length really taken (≥ asked), or undefined. */
  allocate(length: number): { start: number; length: number } | undefined;
  /** The length that a run of `length` really takes. */
  rounded(length: number): number;
  free(start: number): void;
  /** Whether a run of `length` could be had with everything free. */
  couldHold(length: number): boolean;
  /** Free runs `[start, length]` in address order. */
  freeRuns(): [number, number][];
  checkIntegrity(): void;
}
