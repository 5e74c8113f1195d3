/** Bounds of vLLM's histograms. */

/** 1, 2, 5, 10 … up to the longest context. */
export function oneTwoFive(most: number): number[] {
  const bounds: number[] = [];
  for (let scale = 1; ; scale *= 10) {
    for (const digit of [1, 2, 5]) {
      if (digit * scale > most) return bounds;
      bounds.push(digit * scale);
    }
  }
}

/** Samples of a prompt. */
export const samples = [1, 2, 5, 10, 20];

/** Seconds to the first token. */
export const firstToken = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640,
  2560,
];

/** Seconds between tokens. */
export const betweenTokens = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];

/** Seconds of a request. */
export const latency = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
];
