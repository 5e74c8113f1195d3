/** Where the server writes what happens; pino's loggers are. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const ignore = () => undefined;

export const silent: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
