import { UsageError } from '../../../core/errors.ts';

/** What the hub, or the way to it, said no with. */
export class HubError extends UsageError {
  override name = 'HubError';
}

/** Nobody is at fault and it may work again: a network that is down, a server that is overloaded. */
export class HubUnreachable extends HubError {
  override name = 'HubUnreachable';
  /** Seconds after which the server wants to be asked again. */
  readonly retryAfter: number | undefined;

  constructor(problem: string, retryAfter?: number) {
    super(`${problem}; try again later, or name the folder of a model that is here already.`);
    this.retryAfter = retryAfter;
  }
}

/** The bytes on disk are more than the file has: what the server keeps is another file, or the part is. */
export class RangeRefused extends HubError {
  override name = 'RangeRefused';
}

interface Asked {
  readonly model: string;
  readonly revision: string;
  readonly endpoint: string;
  readonly hasToken: boolean;
}

/** An answer that is no success, in words: what, why, what to do. */
export function statusError(response: Response, asked: Asked): HubError {
  const { model, revision, endpoint, hasToken } = asked;
  const { status } = response;
  switch (status) {
    case 401:
      return new HubError(
        hasToken
          ? `${endpoint} does not show ${model} (401): there is no such model, or the token is not valid; check the name and the token (HF_TOKEN).`
          : `${endpoint} does not show ${model} (401): there is no such model, or it is private or gated and wants a token; check the name, or set HF_TOKEN.`,
      );
    case 403:
      return new HubError(
        `${endpoint} does not give ${model} to ${hasToken ? 'the owner of this token' : 'everybody'} (403): it is gated; ask for access on its page${hasToken ? ', and let the token read gated repositories' : ', and set HF_TOKEN'}.`,
      );
    case 404:
      return new HubError(
        response.headers.get('X-Error-Code') === 'RevisionNotFound'
          ? `${model} has no revision ${revision} (404): name a branch, a tag or a commit of it.`
          : `${endpoint} has no model ${model} (404); check its name: owner/name.`,
      );
    case 416:
      return new RangeRefused(`${endpoint} has less of a file of ${model} than there is here (416).`);
    case 408:
    case 429: {
      const seconds = Number(response.headers.get('Retry-After') ?? NaN);
      return new HubUnreachable(
        `${endpoint} wants fewer requests (${status})`,
        Number.isFinite(seconds) ? seconds : undefined,
      );
    }
    default:
      if (status >= 500) return new HubUnreachable(`${endpoint} answered ${status} for ${model}`);
      return new HubError(`${endpoint} answered ${status} for ${model} (${revision}).`);
  }
}
