import { createHash, timingSafeEqual } from 'node:crypto';

/** The keys that open the server; without any it is open. */
export class ApiKeys {
  readonly #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  get required(): boolean {
    return this.#digests.length > 0;
  }

  /**
   * Which key an `Authorization` header has, as its place in the list; undefined when none of them. Takes the same
   * time whatever was sent: digests are of one length, and all are compared.
   */
  find(authorization: string | null | undefined): number | undefined {
    const match = /^Bearer +(\S+) *$/i.exec(authorization ?? '');
    const sent = digest(match?.[1] ?? '');
    let found: number | undefined;
    for (const [i, key] of this.#digests.entries()) if (timingSafeEqual(key, sent)) found = i;
    return match ? found : undefined;
  }
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
