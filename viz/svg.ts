/** A tenth of a pixel: nobody sees less, and files stay small. */
export function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** Width of a text in pixels, for there is no font to ask: an average letter is a little over half its size. */
export function textWidth(text: string, size: number, bold = false): number {
  return text.length * size * (bold ? 0.63 : 0.56);
}
