/** What a measured run may be read from, for messages. */
export const measuredFormats =
  'the JSON of vllm bench serve --save-result --save-detailed, or a CSV with the columns ' +
  'input_toks,output_toks,arrival_s,first_token_s,last_token_s';
