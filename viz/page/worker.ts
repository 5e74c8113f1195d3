import { unknownName } from '../../src/core/did-you-mean.ts';
import { UsageError } from '../../src/core/errors.ts';
import { findModel, models } from '../../src/sim/models/catalogue.ts';
import { openTrace } from '../../src/sim/workload/trace/detect.ts';
import { record } from '../../src/trace/record.ts';
import { decodeRecordings } from '../../src/trace/recording-file.ts';
import { withinMemory } from '../../src/trace/recording-memory.ts';
import { buffersOf } from '../../src/trace/transfer.ts';
import { bytesOf } from './blob-bytes.ts';
import { type Prepared, prepare } from './groundwork.ts';
import type { DecodeRequest, Doing, RunRequest, WorkerReply, WorkerRequest } from './protocol.ts';

/** The last whole percentage: more messages are no use to anybody. */
let told = -1;

const progress = (doing: Doing, done: number) => {
  const percent = Math.floor(done * 100);
  if (percent === told) return;
  told = percent;
  reply({ type: 'progress', doing, done });
};

const reply = (message: WorkerReply, transfer: ArrayBuffer[] = []) => self.postMessage(message, { transfer });

/** Shares of the time that a file takes, and a simulation, before views are prepared. */
const [UNPACKED, DECODED, SIMULATED] = [0.15, 0.7, 0.9];

self.onmessage = async ({ data }: MessageEvent<WorkerRequest>) => {
  try {
    const prepared = data.kind === 'run' ? [await run(data)] : await decode(data);
    reply({ type: 'done', prepared }, buffersOf(prepared));
  } catch (error) {
    const usage = error instanceof UsageError;
    reply({ type: 'failed', message: error instanceof Error ? error.message : String(error), usage });
  }
};

const decode = ({ file, name }: DecodeRequest): Promise<Prepared[]> =>
  withinMemory(file, name, () => prepared(file, name));

async function prepared(file: Blob, name: string): Promise<Prepared[]> {
  const recordings = await decodeRecordings(file, name, (doing, share) =>
    progress(doing, doing === 'unpacking' ? share * UNPACKED : UNPACKED + share * (DECODED - UNPACKED)),
  );
  return recordings.map((recording, i) =>
    prepare(recording, share =>
      progress('preparing', DECODED + ((i + share) / recordings.length) * (1 - DECODED)),
    ),
  );
}

async function run({ config, policy, trace }: RunRequest): Promise<Prepared> {
  const { model: name = 'llama-13b' } = config;
  const model = findModel(name);
  if (!model) {
    throw unknownName(
      'model',
      name,
      models.map(known => known.name),
    );
  }
  const recording = await record(config, policy, {
    model,
    progress: share => progress('simulating', share * SIMULATED),
    openTrace: async options => {
      if (trace === undefined) {
        throw new UsageError(
          `the page cannot open the trace ${config.trace}; record it with quire compare --events run.quire, and open that`,
        );
      }
      return openTrace(() => bytesOf(trace), { fileName: config.trace!, ...options });
    },
  });
  return prepare(recording, share => progress('preparing', SIMULATED + share * (1 - SIMULATED)));
}
