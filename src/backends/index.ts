export type { Executor } from './executor.ts';
export { SimulatedExecutor } from './simulated.ts';
