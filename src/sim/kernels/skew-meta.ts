/** What the `meta.yaml` of a profile says of its fit of unequal decodes. */
export interface SkewMeta {
  /** A profile that says its fit is disabled was measured without one. */
  readonly isDisabled: boolean;
  /** Fitted to all samples, for what no cell covers. */
  readonly alpha: number | undefined;
}

/** Of the vLLM attention kernel with one query token a decode, at one degree of tensor parallelism. */
export function readSkewMeta(yaml: string, tensorParallel: number): SkewMeta {
  const values = scalars(yaml);
  const own = `skew_fit/per_tp/${tensorParallel}`;
  const alpha = [
    `${own}/alpha_default_by_layer/attention`,
    `${own}/alpha_default_by_kernel/attention|q=1`,
    `${own}/alpha_default`,
  ]
    .map(key => Number(values.get(key) || Number.NaN))
    .find(Number.isFinite);
  return { isDisabled: values.get('skew_fit/enabled') === 'false', alpha };
}

/** Plain values of nested mappings, by their keys; lists and longer texts are of no use here. */
function scalars(yaml: string): Map<string, string> {
  const values = new Map<string, string>();
  const above: { readonly indent: number; readonly key: string }[] = [];
  for (const line of yaml.split(/\r?\n/)) {
    const found = /^( *)(["']?)([^\s"'#:][^"':]*)\2:(?: +(.*?))? *$/.exec(line);
    if (!found) continue;
    const [, spaces, , name, value] = found;
    const indent = spaces!.length;
    while (above.length > 0 && above.at(-1)!.indent >= indent) above.pop();
    const key = [...above.map(parent => parent.key), name!].join('/');
    if (value) values.set(key, value);
    else above.push({ indent, key: name! });
  }
  return values;
}
