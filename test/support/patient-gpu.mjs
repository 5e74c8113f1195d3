/**
 * Dawn looks for what the GPU has done at every turn of the event loop, which takes a core of its own while it waits.
 * A software GPU needs that core to compute: with this imported, Dawn looks again after a millisecond. Plain
 * JavaScript, so that `node --import` takes it, too.
 */
const immediate = globalThis.setImmediate;

globalThis.setImmediate = (what, ...rest) =>
  isNative(what) ? setTimeout(what, 1, ...rest) : immediate(what, ...rest);

/** Dawn's is; what anybody else waits with is written in JavaScript. */
function isNative(what) {
  return Function.prototype.toString.call(what).endsWith('{ [native code] }');
}
