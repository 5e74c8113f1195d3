import { UsageError } from '../../src/core/errors.ts';
import { type Config, parseSetting, type SettingKey } from '../../src/sim/config.ts';
import { gpus } from '../../src/sim/hardware/catalogue.ts';
import { models } from '../../src/sim/models/catalogue.ts';
import { isRead } from '../../src/sim/relevance.ts';
import { settings } from '../../src/sim/settings.ts';
import { h } from './dom.ts';
import { meansOf, writtenValue } from './state.ts';

interface Field {
  readonly key: SettingKey;
  readonly label: string;
  /** What the slider stops at, ascending; `undefined`: the policy's own default. */
  readonly stops: readonly (number | 'inf' | undefined)[];
}

const fields: readonly Field[] = [
  {
    key: 'request_rate',
    label: 'Requests/s',
    stops: [0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 'inf'],
  },
  {
    key: 'num_prompts',
    label: 'Requests',
    stops: [4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1000],
  },
  { key: 'input_len', label: 'Prompt', stops: [8, 16, 32, 60, 100, 161, 250, 350, 512, 768, 1024] },
  { key: 'output_len', label: 'Output', stops: [8, 16, 32, 50, 80, 120, 200, 338, 512, 768, 1024] },
  {
    key: 'kv_slots',
    label: 'KV slots',
    stops: [1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 32768, 65536],
  },
  { key: 'max_model_len', label: 'Context', stops: [128, 256, 512, 768, 1024, 1536, 2048] },
  { key: 'block_size', label: 'Block size', stops: [undefined, 1, 2, 4, 8, 16, 32, 64, 128] },
  { key: 'max_num_seqs', label: 'Max seqs', stops: [undefined, 1, 2, 4, 6, 8, 12, 16, 32, 64, 128, 256] },
  {
    key: 'max_num_batched_tokens',
    label: 'Token budget',
    stops: [undefined, 128, 256, 512, 1024, 2048, 4096, 8192],
  },
  { key: 'seed', label: 'Seed', stops: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] },
];

interface Shown extends Field {
  readonly text: HTMLInputElement;
  readonly slider: HTMLInputElement;
  readonly element: HTMLElement;
}

/** The controls: each a number to write and a slider to move. What they change runs at once. */
export class SettingsForm {
  readonly element: HTMLFormElement;
  readonly #shown: readonly Shown[];
  readonly #model: HTMLSelectElement;
  readonly #gpu: HTMLSelectElement;
  readonly #problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  readonly #change: (key: SettingKey, value: unknown) => void;

  constructor(change: (key: SettingKey, value: unknown) => void) {
    this.#change = change;
    this.#model = this.#select(
      'model',
      models.map(model => model.name),
    );
    this.#gpu = this.#select(
      'gpu',
      gpus.map(gpu => gpu.name),
    );
    this.#shown = fields.map(field => this.#field(field));
    this.element = h(
      'form',
      {
        class: 'controls',
        'aria-label': 'Settings of the simulation',
        onsubmit: event => event.preventDefault(),
      },
      ...this.#shown.map(({ element }) => element),
      h(
        'div',
        { class: 'field machine' },
        h('label', {}, h('span', {}, 'Model'), this.#model),
        h('label', {}, h('span', {}, 'GPU'), this.#gpu),
      ),
      this.#problem,
    );
  }

  /** Shows a config; what has no effect in it cannot be changed. */
  show(config: Config): void {
    this.#problem.hidden = true;
    this.#model.value = config.model ?? 'llama-13b';
    this.#gpu.value = config.gpu ?? 'a100-40g';
    const means = meansOf[config.workload ?? 'sharegpt'];
    for (const { key, stops, text, slider, element } of this.#shown) {
      const drawn = means && !config.trace && (key === 'input_len' || key === 'output_len');
      const value = config[key] ?? (drawn ? means[key] : undefined);
      // What somebody is writing is theirs.
      if (document.activeElement !== text) text.value = value === undefined ? '' : shownValue(value);
      text.removeAttribute('aria-invalid');
      slider.value = String(nearest(stops, value));
      slider.setAttribute('aria-valuetext', value === undefined ? 'default' : shownValue(value));
      const off = !drawn && !isRead(key, config);
      text.disabled = slider.disabled = off;
      text.placeholder = off ? '–' : 'default';
      element.title = off ? `${settings[key].help}; this scenario decides it` : settings[key].help;
    }
  }

  #field(field: Field): Shown {
    const { key, label, stops } = field;
    const text = h('input', {
      type: 'text',
      inputmode: 'decimal',
      autocomplete: 'off',
      spellcheck: 'false',
      'aria-label': `${label}: ${settings[key].help}`,
      name: key,
    });
    const slider = h('input', {
      type: 'range',
      min: '0',
      max: String(stops.length - 1),
      step: '1',
      'aria-label': `${label}, slider`,
      'data-key': key,
    });
    text.addEventListener('input', () => this.#write(key, text));
    slider.addEventListener('input', () => {
      const value = stops[Number(slider.value)];
      text.value = value === undefined ? '' : shownValue(value);
      this.#write(key, text);
    });
    const element = h('div', { class: 'field' }, h('label', {}, h('span', {}, label), text), slider);
    return { ...field, text, slider, element };
  }

  #select(key: 'model' | 'gpu', names: readonly string[]): HTMLSelectElement {
    const select = h(
      'select',
      { name: key, title: settings[key].help },
      ...names.map(name => h('option', {}, name)),
    );
    select.addEventListener('change', () => this.#change(key, select.value));
    return select;
  }

  #write(key: SettingKey, text: HTMLInputElement): void {
    const written = text.value.trim() === '∞' ? 'inf' : text.value.trim();
    try {
      const value = written === '' ? undefined : parseSetting(key, writtenValue(key, written), '');
      text.removeAttribute('aria-invalid');
      this.#problem.hidden = true;
      this.#change(key, value);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      text.setAttribute('aria-invalid', 'true');
      this.#problem.textContent = error.message;
      this.#problem.hidden = false;
    }
  }
}

const shownValue = (value: unknown) => (value === 'inf' ? '∞' : String(value));

function nearest(stops: Field['stops'], value: unknown): number {
  const exact = stops.indexOf(value as number);
  if (exact >= 0 || typeof value !== 'number') return Math.max(0, exact);
  let best = 0;
  for (const [i, stop] of stops.entries()) {
    const known = stops[best];
    if (typeof stop !== 'number') continue;
    if (typeof known !== 'number' || Math.abs(stop - value) < Math.abs(known - value)) best = i;
  }
  return best;
}

/** A message of the simulator in the words of the page: its flags are the controls here. */
export function inWords(message: string): string {
  let text = message;
  for (const { key, label } of fields) text = text.replaceAll(`--${key.replaceAll('_', '-')}`, label);
  return text;
}
