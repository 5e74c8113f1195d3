/** A folder of measurements. Paths use `/`, relative to it. */
export interface KernelFolder {
  /** Shown in messages. */
  readonly name: string;
  /** Every file below it, sorted. */
  list(): Promise<readonly string[]>;
  /** Text of a file, unpacked if it is gzip. @throws UsageError when it cannot be read. */
  text(path: string): Promise<string>;
  /** Its bytes, unpacked if they are gzip. */
  bytes(path: string): Promise<Uint8Array>;
}
