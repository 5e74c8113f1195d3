/** Finds the end of a JSON value in text that comes in pieces. */
export class JsonEnd {
  /** Nothing of the value follows. */
  over = false;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** How many characters of this piece belong to it. A number or a word ends before what follows it. */
  read(text: string): number {
    for (let i = 0; i < text.length && !this.over; i++) {
      if (this.#step(text[i]!)) {
        if (this.over) return i + 1;
      } else {
        this.over = true;
        return i;
      }
    }
    return this.over ? 0 : text.length;
  }

  /** False for a character that is behind the value. */
  #step(character: string): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (character === '\\') this.#escaped = true;
      else if (character === '"') {
        this.#inString = false;
        this.over = this.#depth === 0;
      }
      return true;
    }
    switch (character) {
      case '"':
        this.#inString = true;
        return true;
      case '{':
      case '[':
        this.#depth++;
        return true;
      case '}':
      case ']':
        if (this.#depth === 0) return false;
        this.over = --this.#depth === 0;
        return true;
      case ',':
        return this.#depth > 0;
      default:
        // White space within a value, and none behind a number.
        return this.#depth > 0 || character.trim() !== '';
    }
  }
}
