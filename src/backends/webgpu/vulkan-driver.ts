import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

let known: Promise<boolean> | undefined;

/**
 * Whether Dawn may have an adapter here. Where it has none it writes lines of its loader to stderr, past Node; so it is
 * first asked in another process, whose stderr nobody reads. Not where a driver is seen at once, since that takes a
 * quarter of a second. Asked once a process.
 */
export async function mayHaveAdapter(): Promise<boolean> {
  known ??= process.platform !== 'linux' || seesDriver() ? Promise.resolve(true) : askApart();
  return await known;
}

/** Whether a manifest of a driver is where the Vulkan loader documents that it looks. */
export function seesDriver(env: Environment = process.env): boolean {
  const list = (name: string) => (env[name] ?? '').split(':').filter(path => path !== '');
  const home = env['HOME'] ?? homedir();
  const or = (paths: readonly string[], preset: readonly string[]) => (paths.length > 0 ? paths : preset);
  const folders = [
    ...or(list('XDG_CONFIG_HOME'), [join(home, '.config')]),
    ...or(list('XDG_CONFIG_DIRS'), ['/etc/xdg']),
    '/etc',
    '/usr/local/etc',
    ...or(list('XDG_DATA_HOME'), [join(home, '.local/share')]),
    ...or(list('XDG_DATA_DIRS'), ['/usr/local/share', '/usr/share']),
  ].map(folder => join(folder, 'vulkan/icd.d'));
  const named = or(list('VK_DRIVER_FILES'), list('VK_ICD_FILENAMES'));
  return [...list('VK_ADD_DRIVER_FILES'), ...or(named, folders)].some(holdsManifest);
}

/** @param path of a manifest, or of a folder that may have some. */
function holdsManifest(path: string): boolean {
  try {
    return !statSync(path).isDirectory() || readdirSync(path).some(name => name.endsWith('.json'));
  } catch {
    // Not there, or not ours to read: nor is it the loader's.
    return false;
  }
}

const QUESTION = `
const { create } = await import(process.argv[1]);
if (!(await create([]).requestAdapter())) console.log('none');
`;

/** What Dawn itself says in another process. Only a plain no is one: whatever else goes wrong, is better seen here. */
export async function askApart(env: Environment = process.env): Promise<boolean> {
  const dawn = createRequire(import.meta.url).resolve('webgpu');
  const args = ['--input-type=module', '--eval', QUESTION, dawn];
  return await new Promise(done => {
    execFile(process.execPath, args, { env }, (_, stdout) => done(stdout !== 'none\n'));
  });
}
