/** A file of a repository, as the hub lists it. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  /** Its content as the hub names it: SHA-256 of large files (LFS), SHA-1 of git's blob for the others. */
  readonly digest: { readonly algorithm: 'sha256' | 'sha1'; readonly hex: string };
}

/** Called often, with every piece that arrives. */
export type Progress = (state: {
  /** The file that a piece arrived for. */
  readonly file: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly filesDone: number;
  readonly filesTotal: number;
}) => void;
