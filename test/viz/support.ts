import { slotKinds } from '../../src/core/kv-memory.ts';
import {
  CACHED,
  type Decision,
  FREE,
  RECORDING_VERSION,
  type RecordedRequest,
  type Recording,
  type WorkKind,
  workKinds,
} from '../../src/trace/recording.ts';
import { Replay } from '../../src/trace/replay.ts';
import type { Pane, Picture, Pin, View } from '../../viz/picture.ts';
import { views } from '../../viz/views/index.ts';

/** A step of a hand-made recording. */
interface Moment {
  /** Begins later than the last step ended. */
  readonly after?: number;
  readonly work: readonly (readonly [request: number, kind: WorkKind, tokens: number])[];
  readonly blocks?: readonly (readonly [block: number, owner: number, refs: number, filled: number])[];
  readonly tables?: readonly (readonly [request: number, sequence: number, index: number, block: number])[];
  readonly waiting?: number;
  /** Milliseconds bound by arithmetic, bandwidth, neither. */
  readonly bound?: readonly [number, number, number];
  readonly decisions?: readonly (readonly [type: Decision['type'], request: number, reason: string])[];
}

interface Script {
  readonly policy: string;
  readonly kind: Recording['memory']['kind'];
  readonly requests: readonly (Partial<RecordedRequest> & { promptTokens: number })[];
  readonly moments: readonly Moment[];
}

const numBlocks = 10;
const blockSize = 4;

/** Ten blocks of four slots. Figures of memory use follow from the blocks. */
function play({ policy, kind, requests, moments }: Script): Recording {
  const [time, end]: [number[], number[]] = [[], []];
  for (const { after = 0, bound = [0, 30, 2] } of moments) {
    time.push((end.at(-1) ?? 0) + after);
    end.push(time.at(-1)! + bound.reduce((sum, part) => sum + part) / 1e3);
  }
  const starts = (count: (moment: Moment) => number) => {
    const sums = [0];
    for (const moment of moments) sums.push(sums.at(-1)! + count(moment));
    return Int32Array.from(sums);
  };
  const work = moments.flatMap(moment => moment.work);
  const blocks = moments.flatMap(moment => moment.blocks ?? []);
  const tables = moments.flatMap(moment => moment.tables ?? []);
  const doing = (kinds: readonly WorkKind[]) =>
    Int32Array.from(moments, moment => moment.work.filter(([, does]) => kinds.includes(does)).length);
  const tokens = (of: WorkKind) =>
    Int32Array.from(moments, moment =>
      moment.work.reduce((sum, [, does, count]) => sum + (does === of ? count : 0), 0),
    );
  const bound = (i: number) => Float32Array.from(moments, moment => (moment.bound ?? [0, 30, 2])[i]! / 1e3);
  const usage = Object.fromEntries(slotKinds.map(slot => [slot, new Float64Array(moments.length)]));
  const recording: Recording = {
    version: RECORDING_VERSION,
    policy,
    config: {},
    memory: { kind, blockSize, numBlocks, capacity: numBlocks * blockSize },
    requests: requests.map((request, id) => ({
      id,
      arrival: 0,
      maxTokens: 16,
      width: 1,
      priority: 0,
      outputTokens: 0,
      cachedTokens: 0,
      admitted: Number.NaN,
      firstToken: Number.NaN,
      finished: Number.NaN,
      preemptions: 0,
      end: 'finished',
      ...request,
    })),
    steps: {
      count: moments.length,
      time: Float64Array.from(time),
      end: Float64Array.from(end),
      running: doing(['prefill', 'decode']),
      waiting: Int32Array.from(moments, ({ waiting = 0 }) => waiting),
      held: doing(['held']),
      prefillTokens: tokens('prefill'),
      decodeTokens: tokens('decode'),
      compute: bound(0),
      bandwidth: bound(1),
      overhead: bound(2),
      usage: usage as Recording['steps']['usage'],
    },
    work: {
      start: starts(moment => moment.work.length),
      request: Int32Array.from(work, ([request]) => request),
      kind: Uint8Array.from(work, ([, does]) => workKinds.indexOf(does)),
      tokens: Int32Array.from(work, ([, , count]) => count),
    },
    blocks: {
      start: starts(moment => moment.blocks?.length ?? 0),
      block: Int32Array.from(blocks, ([block]) => block),
      owner: Int32Array.from(blocks, ([, owner]) => owner),
      refs: Uint16Array.from(blocks, ([, , refs]) => refs),
      filled: Uint16Array.from(blocks, ([, , , filled]) => filled),
    },
    tables: {
      start: starts(moment => moment.tables?.length ?? 0),
      request: Int32Array.from(tables, ([request]) => request),
      sequence: Uint16Array.from(tables, ([, sequence]) => sequence),
      index: Int32Array.from(tables, ([, , index]) => index),
      block: Int32Array.from(tables, ([, , , block]) => block),
    },
    decisions: moments.flatMap((moment, step) =>
      (moment.decisions ?? []).map(([type, request, reason]) => ({
        step,
        time: momentOf(type, requests[request]!) ?? time[step]!,
        type,
        request,
        reason,
      })),
    ),
  };
  addUsage(recording);
  return recording;
}

/** Of what happens between steps. */
function momentOf(type: Decision['type'], { arrival = 0, finished }: Partial<RecordedRequest>) {
  return type === 'arrived' ? arrival : type === 'finished' ? finished : undefined;
}

function addUsage(recording: Recording): void {
  const { steps, memory } = recording;
  const replay = new Replay(recording);
  for (let step = 0; step < steps.count; step++) {
    const { owner, refs, filled, unused } = replay.stateAt(step);
    for (let block = 0; block < numBlocks; block++) {
      if (owner[block] === FREE) steps.usage.free[step]! += blockSize;
      else if (owner[block] === CACHED) steps.usage.cached[step]! += blockSize;
      else {
        const waste = memory.kind === 'contiguous' && refs[block] === 0 ? 'external' : 'internal';
        steps.usage.token[step]! += filled[block]!;
        steps.usage[waste][step]! += unused[block]!;
        steps.usage.reserved[step]! += blockSize - filled[block]! - unused[block]!;
      }
    }
  }
}

/** Paged memory: a shared prefix, cached blocks, a prefill in chunks, a preemption, a rejection, an idle while. */
export function pagedRecording(): Recording {
  return play({
    policy: 'vllm',
    kind: 'paged',
    requests: [
      { promptTokens: 8, outputTokens: 6, admitted: 0, firstToken: 0.05, finished: 0.21 },
      { promptTokens: 6, outputTokens: 4, admitted: 0, firstToken: 0.05, finished: 0.146 },
      { promptTokens: 9, outputTokens: 3, arrival: 0.06, cachedTokens: 8, admitted: 0.082, finished: 0.178 },
      { promptTokens: 8, outputTokens: 2, arrival: 0.1, admitted: 0.146, finished: 0.37, preemptions: 1 },
      { promptTokens: 60, arrival: 0.13, end: 'rejected' },
    ],
    moments: [
      {
        work: [[0, 'prefill', 8], [1, 'prefill', 6]], // biome-ignore format: rows
        blocks: [[0, 0, 1, 4], [1, 0, 1, 4], [2, 1, 1, 4], [3, 1, 1, 2]], // biome-ignore format: rows
        tables: [[0, 0, 0, 0], [0, 0, 1, 1], [1, 0, 0, 2], [1, 0, 1, 3]], // biome-ignore format: rows
        bound: [38, 10, 2],
        decisions: [['arrived', 0, ''], ['arrived', 1, ''], ['admitted', 0, 'first in line'], ['admitted', 1, '']], // biome-ignore format: rows
      },
      {
        work: [[0, 'decode', 1], [1, 'decode', 1]], // biome-ignore format: rows
        blocks: [[4, 0, 1, 1], [3, 1, 1, 3]], // biome-ignore format: rows
        tables: [[0, 0, 2, 4]],
      },
      {
        work: [[0, 'decode', 1], [1, 'decode', 1], [2, 'prefill', 1]], // biome-ignore format: rows
        blocks: [[0, 0, 2, 4], [1, 0, 2, 4], [5, 2, 1, 1], [4, 0, 1, 2], [3, 1, 1, 4]], // biome-ignore format: rows
        tables: [[2, 0, 0, 0], [2, 0, 1, 1], [2, 0, 2, 5]], // biome-ignore format: rows
        decisions: [['arrived', 2, ''], ['admitted', 2, '8 tokens cached']], // biome-ignore format: rows
      },
      {
        work: [[0, 'decode', 1], [1, 'decode', 1], [2, 'decode', 1]], // biome-ignore format: rows
        blocks: [[4, 0, 1, 3], [6, 1, 1, 1], [5, 2, 1, 2]], // biome-ignore format: rows
        tables: [[1, 0, 2, 6]],
        waiting: 1,
        decisions: [['arrived', 3, ''], ['blocked', 3, 'needs 2 blocks, 1 free']], // biome-ignore format: rows
      },
      {
        work: [[0, 'decode', 1], [2, 'decode', 1], [3, 'prefill', 5]], // biome-ignore format: rows
        blocks: [[2, CACHED, 0, 4], [3, CACHED, 0, 4], [6, 3, 1, 4], [7, 3, 1, 1], [4, 0, 1, 4], [5, 2, 1, 3]], // biome-ignore format: rows
        tables: [[1, 0, 0, -1], [1, 0, 1, -1], [1, 0, 2, -1], [3, 0, 0, 6], [3, 0, 1, 7]], // biome-ignore format: rows
        decisions: [['finished', 1, ''], ['rejected', 4, 'needs 15 blocks, there are 10'], ['admitted', 3, '']], // biome-ignore format: rows
      },
      {
        work: [[0, 'decode', 1]],
        blocks: [[0, 0, 1, 4], [1, 0, 1, 4], [5, FREE, 0, 0], [6, CACHED, 0, 4], [7, FREE, 0, 0], [8, 0, 1, 1]], // biome-ignore format: rows
        tables: [[2, 0, 0, -1], [2, 0, 1, -1], [2, 0, 2, -1], [3, 0, 0, -1], [3, 0, 1, -1], [0, 0, 3, 8]], // biome-ignore format: rows
        waiting: 1,
        decisions: [['finished', 2, ''], ['preempted', 3, 'request 0 needs 1 block, 0 free; 5 tokens are lost']], // biome-ignore format: rows
      },
      {
        after: 0.08,
        work: [[3, 'prefill', 2]],
        blocks: [[0, CACHED, 0, 4], [1, CACHED, 0, 4], [4, CACHED, 0, 4], [8, FREE, 0, 0], [6, 3, 1, 4], [7, 3, 1, 2]], // biome-ignore format: rows
        tables: [[0, 0, 0, -1], [0, 0, 1, -1], [0, 0, 2, -1], [0, 0, 3, -1], [3, 0, 0, 6], [3, 0, 1, 7]], // biome-ignore format: rows
        bound: [12, 20, 2],
        decisions: [['finished', 0, ''], ['admitted', 3, '4 tokens cached']], // biome-ignore format: rows
      },
      { work: [[3, 'prefill', 2]], blocks: [[7, 3, 1, 4]], bound: [12, 20, 2] },
      { work: [[3, 'decode', 1]], blocks: [[8, 3, 1, 1]], tables: [[3, 0, 2, 8]] },
    ],
  });
}

/** A static batch in contiguous reservations: an ended row is held for another's answer, and round-up lost. */
export function staticRecording(): Recording {
  const decode = (filled: readonly [number, number], extra: Partial<Moment> = {}): Moment => ({
    work: [[0, 'held', 0], [1, 'decode', 1]], // biome-ignore format: rows
    blocks: [[filled[0], 1, 1, filled[1]]],
    waiting: 1,
    ...extra,
  });
  return play({
    policy: 'faster-transformer',
    kind: 'contiguous',
    requests: [
      { promptTokens: 4, outputTokens: 3, admitted: 0, firstToken: 0.04, finished: 0.104 },
      { promptTokens: 6, outputTokens: 7, admitted: 0, firstToken: 0.04, finished: 0.232 },
      { promptTokens: 5, outputTokens: 2, arrival: 0.05, admitted: 0.232, finished: 0.304 },
    ],
    moments: [
      {
        work: [[0, 'prefill', 4], [1, 'prefill', 6]], // biome-ignore format: rows
        blocks: [[0, 0, 1, 4], [1, 0, 1, 0], [2, 0, 1, 0], [3, 0, 1, 0], [4, 1, 1, 4], [5, 1, 1, 2], [6, 1, 1, 0], [7, 1, 1, 0], [8, 1, 0, 0], [9, 1, 0, 0]], // biome-ignore format: rows
        tables: [[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 2, 2], [0, 0, 3, 3], [1, 0, 0, 4], [1, 0, 1, 5], [1, 0, 2, 6], [1, 0, 3, 7]], // biome-ignore format: rows
        bound: [30, 8, 2],
      },
      {
        work: [[0, 'decode', 1], [1, 'decode', 1]], // biome-ignore format: rows
        blocks: [[1, 0, 1, 1], [5, 1, 1, 3]], // biome-ignore format: rows
        waiting: 1,
      },
      {
        work: [[0, 'decode', 1], [1, 'decode', 1]], // biome-ignore format: rows
        blocks: [[1, 0, 1, 2], [5, 1, 1, 4]], // biome-ignore format: rows
        waiting: 1,
      },
      decode([6, 1], { blocks: [[0, 0, 1, 0], [1, 0, 1, 0], [6, 1, 1, 1]] }), // biome-ignore format: rows
      decode([6, 2]),
      decode([6, 3]),
      decode([6, 4]),
      {
        work: [[2, 'prefill', 5]],
        blocks: [[0, 2, 1, 4], [1, 2, 1, 1], ...[4, 5, 6, 7, 8, 9].map(block => [block, FREE, 0, 0] as const), [2, 2, 1, 0], [3, 2, 1, 0]], // biome-ignore format: rows
        tables: [[2, 0, 0, 0], [2, 0, 1, 1], [2, 0, 2, 2], [2, 0, 3, 3]], // biome-ignore format: rows
        bound: [30, 8, 2],
      },
      { work: [[2, 'decode', 1]], blocks: [[1, 2, 1, 2]] },
    ],
  });
}

/** The whole run, at one of its steps. */
export function paneOf(recording: Recording, step: number, pin?: Pin, window?: Pane['window']): Pane {
  const { time, end, count } = recording.steps;
  return {
    recording,
    step,
    blocks: new Replay(recording).stateAt(step),
    time: time[step] ?? 0,
    window: window ?? [0, end[count - 1] ?? 0],
    pin,
  };
}

export const view = (name: View['name']) => views.find(one => one.name === name)!;
export const small = { width: 560, height: 240 };
export const textsOf = ({ marks }: Picture) =>
  marks.flatMap(mark => (mark.kind === 'text' ? [mark.text] : []));
export const rectsOf = ({ marks }: Picture) => marks.filter(mark => mark.kind === 'rect');
