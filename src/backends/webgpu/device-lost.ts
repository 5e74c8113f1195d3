/**
 * The GPU went away in the middle of its work: a driver reset, a hang, another process. The KV cache is gone with
 * it; whoever runs the batches opens a new device and computes again.
 */
export class DeviceLost extends Error {
  override name = 'DeviceLost';
}
