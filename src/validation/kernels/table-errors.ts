import type { DecodeTable } from '../../sim/kernels/decode-table.ts';
import type { GemmTable } from '../../sim/kernels/gemm-table.ts';
import type { Plane } from '../../sim/kernels/plane.ts';
import type { PrefillTable } from '../../sim/kernels/prefill-table.ts';

/** Relative errors without sign, and how many points could have been asked for. */
export interface Errors {
  readonly values: readonly number[];
  readonly of: number;
}

/** Predictions of one kind, numbered from 0: asking for one costs, counting them does not. */
interface Question {
  readonly count: number;
  /** @returns undefined where no answer is expected. */
  readonly ask: (i: number) => { readonly predicted: number; readonly measured: number } | undefined;
}

/** The share of i that the golden ratio spreads most evenly, whatever the grid's period. */
const SPREAD = (Math.sqrt(5) - 1) / 2;

function errorsOf(questions: readonly Question[], limit: number): Errors {
  const of = questions.reduce((sum, { count }) => sum + count, 0);
  const share = Math.min(1, limit / of);
  const values: number[] = [];
  let number = 0;
  for (const { count, ask } of questions) {
    for (let i = 0; i < count; i++) {
      if ((number++ * SPREAD) % 1 >= share) continue;
      const answer = ask(i);
      if (answer) values.push(Math.abs(answer.predicted / answer.measured - 1));
    }
  }
  return { values, of };
}

/** Each inner m of a curve from the others of that curve. */
export function gemmPoints(table: GemmTable, limit: number): Errors {
  return errorsOf(
    table.curves.map(curve => ({
      count: Math.max(0, curve.rows.length - 2),
      ask: i => ({ predicted: curve.predictWithout(i + 1), measured: curve.measured(i + 1) }),
    })),
    limit,
  );
}

/** Every weight matrix from those around it. */
export function gemmShapes(table: GemmTable, limit: number): Errors {
  return errorsOf(
    table.curves.map(curve => {
      let others: ReturnType<GemmTable['without']> | undefined;
      return {
        count: curve.rows.length,
        ask: i => {
          others ??= table.without(curve);
          return { predicted: others(curve.rows[i]!).seconds, measured: curve.measured(i) };
        },
      };
    }),
    limit,
  );
}

/** Each inner point of a line from its neighbours on it. */
export function planePoints(planes: readonly Plane[], limit: number): Errors {
  return errorsOf(
    planes.flatMap(plane =>
      Array.from(plane.at, (_, line) => {
        const { x, seconds } = plane.line(line);
        return {
          count: Math.max(0, x.length - 2),
          ask: (i: number) => ({
            predicted: plane.predictPoint(line, i + 1),
            measured: seconds[i + 1]!,
          }),
        };
      }),
    ),
    limit,
  );
}

/** Each point of an inner line from the other lines, where those on both sides reach that far. */
export function planeLines(planes: readonly Plane[], limit: number): Errors {
  return errorsOf(
    planes.flatMap(plane =>
      Array.from({ length: Math.max(0, plane.at.length - 2) }, (_, before) => {
        const line = before + 1;
        const { x, seconds } = plane.line(line);
        const reach = Math.min(plane.line(line - 1).x.at(-1)!, plane.line(line + 1).x.at(-1)!);
        return {
          count: x.length,
          ask: (i: number) =>
            x[i]! > reach ? undefined : { predicted: plane.predictLine(line, x[i]!), measured: seconds[i]! },
        };
      }),
    ),
    limit,
  );
}

/** Every shape of attention from the one most like it. */
export function prefillShapes(table: PrefillTable, limit: number): Errors {
  return errorsOf(
    table.measured.flatMap(own => {
      const other = table.without(own);
      return shapeQuestions(own.grid().planes[0]!, (isl, batch) => other(batch, isl)?.seconds);
    }),
    limit,
  );
}

export function decodeShapes(table: DecodeTable, limit: number): Errors {
  return errorsOf(
    table.measured.flatMap(own => {
      const other = table.without(own);
      return shapeQuestions(own.plane(), (batch, kv) => other(batch, kv)?.seconds);
    }),
    limit,
  );
}

function shapeQuestions(plane: Plane, predict: (line: number, x: number) => number | undefined): Question[] {
  return Array.from(plane.at, (at, line) => {
    const { x, seconds } = plane.line(line);
    return {
      count: x.length,
      ask: (i: number) => {
        const predicted = predict(at, x[i]!);
        return predicted === undefined ? undefined : { predicted, measured: seconds[i]! };
      },
    };
  });
}
