import { UsageError } from '../../src/core/errors.ts';
import { unknownName } from '../../src/sim/experiment.ts';
import { findModel, models } from '../../src/sim/models/catalogue.ts';
import { openTrace } from '../../src/sim/workload/trace/detect.ts';
import { record } from '../../src/trace/record.ts';
import { decodeRecordings } from '../../src/trace/recording-file.ts';
import { buffersOf, type RunRequest, type WorkerReply, type WorkerRequest } from './protocol.ts';

const reply = (message: WorkerReply, transfer: ArrayBuffer[] = []) => self.postMessage(message, { transfer });

self.onmessage = async ({ data }: MessageEvent<WorkerRequest>) => {
  try {
    const recordings =
      data.kind === 'run' ? [await run(data)] : await decodeRecordings(data.bytes, data.name);
    reply({ type: 'done', recordings }, buffersOf(recordings));
  } catch (error) {
    const usage = error instanceof UsageError;
    reply({ type: 'failed', message: error instanceof Error ? error.message : String(error), usage });
  }
};

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
    progress: done => reply({ type: 'progress', done }),
    openTrace: async options => {
      if (trace === undefined) {
        throw new UsageError(
          `the page cannot open the trace ${config.trace}; record it with quire compare --events run.quire, and open that`,
        );
      }
      const bytes = async function* () {
        yield new TextEncoder().encode(trace);
      };
      return openTrace(bytes, { fileName: config.trace!, ...options });
    },
  });
}
