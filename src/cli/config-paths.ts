import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { UsageError } from '../core/errors.ts';
import type { Config } from '../sim/config.ts';

/** Settings that name a file or a folder. */
const paths = ['trace', 'profile', 'kernels'] as const;

/**
 * The settings of a config file, the paths in it as they are found from here: beside the file, for it may be run from
 * anywhere, and else in the working directory, as the results files of `compare` name them.
 *
 * @throws UsageError naming the file and the key where it is in neither place.
 */
export function withPathsFound(config: Config, file: string): Config {
  const found = paths.flatMap(key => {
    const path = config[key];
    return path === undefined ? [] : [[key, pathFrom(file, key, path)] as const];
  });
  const { model } = config;
  const own = model === undefined || !isPath(model) ? undefined : pathFrom(file, 'model', model);
  return { ...config, ...Object.fromEntries(found), ...(own !== undefined && { model: own }) };
}

/** As `--model` tells a config.json from a name of the catalogue. */
const isPath = (model: string): boolean => /[/\\]|\.json$/.test(model);

function pathFrom(file: string, key: string, path: string): string {
  if (isAbsolute(path)) {
    if (existsSync(path)) return path;
    throw new UsageError(`${file}: "${key}": ${path}: no such file or folder`);
  }
  const places = [join(dirname(file), path), path];
  const place = places.find(existsSync);
  if (place !== undefined) return place;
  throw new UsageError(
    `${file}: "${key}": ${path}: no such file or folder, neither beside the config file nor in the working directory`,
  );
}
