import { type Command, Option } from 'commander';
import { type Config, configDefaults, parseSetting } from '../sim/config.ts';
import type { Setting } from '../sim/setting.ts';
import { settings } from '../sim/settings.ts';

/**
 * Adds a flag for every setting, or those of `keys`; what is given comes back from `configOfFlags`.
 * @param group What the help has them under; undefined: a group of each setting's own.
 */
export function addSettings(command: Command, keys?: readonly string[], group?: string): Command {
  for (const [key, setting] of Object.entries(settings) as [string, Setting][]) {
    if (keys && !keys.includes(key)) continue;
    const flag = setting.flag === 'switch' ? flagName(key) : `${flagName(key)} <${setting.value}>`;
    const preset = (configDefaults as Record<string, unknown>)[key];
    // Those that are refused without a rate or a trace stand for "as it is".
    const silent = key === 'burstiness' || key === 'time_scale';
    const help = preset === undefined || silent ? setting.help : `${setting.help} (default: ${preset})`;
    command.addOption(new Option(flag, help).helpGroup(group ?? `${setting.group}:`));
  }
  return command;
}

/** The settings given on the command line, or those of `keys`, checked. @throws UsageError that names the flag. */
export function configOfFlags(options: Record<string, unknown>, keys?: readonly string[]): Config {
  const config: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(settings) as [string, Setting][]) {
    if (keys && !keys.includes(key)) continue;
    const raw = options[optionName(key)];
    if (raw !== undefined) config[key] = parseSetting(key, valueOfFlag(setting, raw), '', flagName(key));
  }
  return config as Config;
}

/** A setting as Commander hands it over. */
export function optionName(key: string): string {
  return key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

export function flagName(key: string): string {
  return `--${key.replaceAll('_', '-')}`;
}

/** Text of a flag as the JSON value that the config file would hold. */
function valueOfFlag(setting: Setting, raw: unknown): unknown {
  if (typeof raw !== 'string') return raw;
  if (setting.flag === 'list') return raw.split(',').map(name => name.trim());
  if (setting.flag !== 'number') return raw;
  // An empty text is no number, though Number('') is 0.
  const number = raw.trim() === '' ? Number.NaN : Number(raw);
  return Number.isNaN(number) ? raw : number;
}
