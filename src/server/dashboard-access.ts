import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Seconds } from '../core/units.ts';
import type { ApiKeys } from './api-keys.ts';
import { now } from './call.ts';

const COOKIE = 'quire_dashboard';
/** A lecture, and the day around it. */
const LASTS: Seconds = 24 * 3600;

/**
 * Who may look at the dashboard of a server with keys. A page cannot send an Authorization header with what it loads:
 * a key that was shown once is answered by a cookie that only this server can make, opens nothing else, and ends.
 */
export class DashboardAccess {
  readonly #keys: ApiKeys;
  readonly #secret = randomBytes(32);

  constructor(keys: ApiKeys) {
    this.#keys = keys;
  }

  /** Whether a request may see what the dashboard shows. */
  admits(headers: Headers): boolean {
    if (!this.#keys.required) return true;
    if (this.#keys.find(headers.get('authorization')) !== undefined) return true;
    return cookiesOf(headers.get('cookie')).some(value => this.#made(value));
  }

  /** The cookie for who shows a key; undefined for another word. @param secure whether it came over TLS. */
  cookieFor(key: string, secure: boolean): string | undefined {
    if (this.#keys.find(`Bearer ${key}`) === undefined) return undefined;
    const until = String(Math.ceil(now() + LASTS));
    const value = `${until}.${this.#sign(until).toString('hex')}`;
    const attributes = `HttpOnly; SameSite=Strict; Path=/dashboard; Max-Age=${LASTS}`;
    return `${COOKIE}=${value}; ${attributes}${secure ? '; Secure' : ''}`;
  }

  #made(value: string): boolean {
    const match = /^(\d{1,15})\.([0-9a-f]{64})$/.exec(value);
    if (!match) return false;
    const [, until, signature] = match;
    return timingSafeEqual(Buffer.from(signature!, 'hex'), this.#sign(until!)) && Number(until) >= now();
  }

  #sign(until: string): Buffer {
    return createHmac('sha256', this.#secret).update(until).digest();
  }
}

/** A browser may have several of the name, of other paths and of servers before. */
function cookiesOf(header: string | null): string[] {
  return (header ?? '')
    .split(';')
    .map(part => part.trim())
    .filter(part => part.startsWith(`${COOKIE}=`))
    .map(part => part.slice(COOKIE.length + 1));
}
