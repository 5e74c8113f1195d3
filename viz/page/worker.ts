import { UsageError } from '../../src/core/errors.ts';
import { unknownName } from '../../src/sim/experiment.ts';
import { findModel, models } from '../../src/sim/models/catalogue.ts';
import { openTrace } from '../../src/sim/workload/trace/detect.ts';
import { record } from '../../src/trace/record.ts';
import { decodeRecordings } from '../../src/trace/recording-file.ts';
import { bytesOf, wholeOf } from './blob-bytes.ts';
import {
  buffersOf,
  type DecodeRequest,
  type RunRequest,
  type WorkerReply,
  type WorkerRequest,
} from './protocol.ts';

/** The last whole percentage: more messages are no use to anybody. */
let told = -1;

const progress = (done: number) => {
  const percent = Math.floor(done * 100);
  if (percent === told) return;
  told = percent;
  reply({ type: 'progress', done });
};

const reply = (message: WorkerReply, transfer: ArrayBuffer[] = []) => self.postMessage(message, { transfer });

self.onmessage = async ({ data }: MessageEvent<WorkerRequest>) => {
  try {
    const recordings = data.kind === 'run' ? [await run(data)] : await decode(data);
    reply({ type: 'done', recordings }, buffersOf(recordings));
  } catch (error) {
    const usage = error instanceof UsageError;
    reply({ type: 'failed', message: error instanceof Error ? error.message : String(error), usage });
  }
};

async function decode({ file, name }: DecodeRequest) {
  return decodeRecordings(await wholeOf(file, progress), name);
}

async function run({ config, policy, trace }: RunRequest) {
  const { model: name = 'llama-13b' } = config;
  const model = findModel(name);
  if (!model) {
    throw unknownName(
      'model',
      name,
      models.map(known => known.name),
    );
  }
  return record(config, policy, {
    model,
    progress,
    openTrace: async options => {
      if (trace === undefined) {
        throw new UsageError(
          `the page cannot open the trace ${config.trace}; record it with quire compare --events run.quire, and open that`,
        );
      }
      return openTrace(() => bytesOf(trace), { fileName: config.trace!, ...options });
    },
  });
}
