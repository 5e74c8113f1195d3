/** The server, or the way to it, failed: the message says where and how, on one line. No mistake of the user's flags. */
export class ServerError extends Error {
  override name = 'ServerError';
  /** The HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/** What an answer with an error says, in whichever of the usual shapes it says it. */
export function errorOfAnswer(status: number, reason: string | undefined, body: string): ServerError {
  const said = messageOf(body);
  const code = `HTTP ${status}${reason ? ` ${reason}` : ''}`;
  return new ServerError(said === '' ? code : `${code}: ${said}`, status);
}

/** Why there was no answer, or no end of one. */
export function errorOfConnection(error: Error, url: URL): ServerError {
  const { code } = error as NodeJS.ErrnoException;
  const at = url.origin;
  switch (code) {
    case 'ECONNREFUSED':
      return new ServerError(`${at}: nobody answers (connection refused); is the server running?`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ServerError(`${at}: no such host`);
    case 'ECONNRESET':
    case 'EPIPE':
      return new ServerError(`${at}: the server closed the connection before the answer was whole`);
    case 'ETIMEDOUT':
      return new ServerError(`${at}: no answer in time`);
    case 'EMFILE':
      return new ServerError(
        `${at}: too many connections for this process; limit them (--max-concurrency, ulimit -n)`,
      );
    default: {
      // Trying both IPv6 and IPv4 fails with an error that holds one for each, and says nothing itself.
      const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [];
      return first ? errorOfConnection(first, url) : new ServerError(`${at}: ${oneLine(error.message)}`);
    }
  }
}

/** The message of an error object: OpenAI's `{error: {message}}`, and what else is common. */
export function messageOf(body: unknown): string {
  const value = typeof body === 'string' ? parsed(body) : body;
  if (typeof value === 'string') return oneLine(value);
  if (typeof value !== 'object' || value === null) return '';
  const fields = value as Record<string, unknown>;
  for (const name of ['error', 'message', 'detail']) {
    const field = fields[name];
    if (field === undefined || field === null) continue;
    const said = typeof field === 'object' ? messageOf(field) : oneLine(String(field));
    return said === '' ? oneLine(JSON.stringify(field)) : said;
  }
  return oneLine(JSON.stringify(value));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Whatever a server writes must not command a terminal, nor fill it. */
function oneLine(text: string): string {
  const line = text.replace(/[\s\p{C}]+/gu, ' ').trim();
  return line.length <= MAX_MESSAGE ? line : `${line.slice(0, MAX_MESSAGE)}…`;
}

const MAX_MESSAGE = 300;
