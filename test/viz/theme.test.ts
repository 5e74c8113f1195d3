import { describe, expect, test } from 'vitest';
import { dark, ink, light } from '../../viz/theme.ts';

describe('themes', () => {
  const luminance = (color: string) => {
    const [r, g, b] = [1, 3, 5].map(at => Number.parseInt(color.slice(at, at + 2), 16) / 255).map(part => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)); // biome-ignore format: rows
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const contrast = (a: string, b: string) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high! + 0.05) / (low! + 0.05);
  };

  test.each([light, dark])('$name: every text can be read on what is beneath it', theme => {
    for (const beneath of [theme.background, theme.surface]) {
      expect(contrast(theme.text, beneath)).toBeGreaterThan(7);
      expect(contrast(theme.muted, beneath)).toBeGreaterThan(4.5);
    }
    expect(contrast(theme.cursor, theme.background)).toBeGreaterThan(7);
    const { reserved, internal, token } = theme.kinds;
    const owners = Array.from({ length: 10 }, (_, request) => theme.owner(request));
    for (const color of [...owners, reserved, internal, token]) expect(contrast(ink, color), color).toBeGreaterThan(4.5); // biome-ignore format: rows
  });

  test('a request keeps its colour, ten in a row have ten, and none is that of waste', () => {
    const colors = Array.from({ length: 10 }, (_, request) => light.owner(request));
    expect(new Set([...colors, ...Object.values(light.kinds).filter(color => color !== light.kinds.token)]).size).toBe(15); // biome-ignore format: rows
    expect(light.owner(13)).toBe(light.owner(3));
    expect(dark.owner(3)).toBe(light.owner(3));
  });
});
