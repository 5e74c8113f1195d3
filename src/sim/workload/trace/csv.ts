import { csvParseRows } from 'd3-dsv';

/** The fields of one line. A quoted field may hold commas and doubled quotes, but no line end. */
export function splitRow(text: string): string[] {
  return text.includes('"') ? (csvParseRows(text)[0] ?? ['']) : text.split(',');
}

/** The names in a header line, without the blanks around them. */
export function columnNames(header: string): string[] {
  return splitRow(header).map(name => name.trim());
}
