// SPDX-License-Identifier: MIT
// The commands of model folders and of tokenizers, in the table of commands.
#include "cli/option_specs.hpp"

namespace lldm::cli {
namespace {

const OptionSpec kStoredDtype{
    "dtype", Takes::value,
    "Of the stored numbers: float32, bfloat16, float16, float64; default: the folder's own.",
    "DTYPE"};
const OptionSpec kPattern{"pattern", Takes::value,
                          "Of a rank file (*.tiktoken): gpt2, cl100k, o200k, llama3, qwen2, or an "
                          "expression.",
                          "NAME"};
const OptionSpec kMissingSymbol{"missing-symbol", Takes::value,
                                "What the vocabulary cannot express: refuse (default) or drop.",
                                "refuse|drop"};
const OptionSpec kSpecial{"special", Takes::nothing,
                          "The text of special tokens becomes them; without, it is ordinary text.",
                          ""};
const OptionSpec kRows{"jsonl", Takes::value, "One JSON value a line; - is standard input.",
                       "FILE"};
const OptionSpec kConverted{"out", Takes::value, "Write here; default: standard output.", "FILE"};

}  // namespace

std::vector<Command> model_commands() {
  return {
      {"sample",
       "MODEL",
       "answer prompts with a model folder",
       "MODEL is the folder of a trained stage: RUN/STAGE/model, or RUN/shared/STAGE-HASH/model "
       "in "
       "a grid.\n"
       "A words tokenizer knows the words of its training data only.\n"
       "Example:\n"
       "  lldm sample runs/smoke/sft/model --prompt \"ann has 4 apples . she buys 3 . how many "
       "apples does ann have now ?\"",
       1,
       1,
       {{"prompt", Takes::values, "A prompt; repeat for more.", "TEXT"},
        {"samples", Takes::value, "Answers per prompt; default 1.", "N"},
        {"seed", Takes::value, "Seed of the draws; default 42.", "N"},
        {"json", Takes::nothing, "One JSON object a line.", ""},
        kDevice,
        kSet,
        kPlugin},
       run_sample},
      {"evaluate",
       "MODEL",
       "measure a model folder on a task",
       "Example: lldm evaluate runs/x/sft/model --task gsm8k --set task.path=gsm8k/test.jsonl",
       1,
       1,
       {{"task", Takes::value, "The task's name; its options by --set task.KEY=VALUE.", "NAME"},
        {"limit", Takes::value, "At most so many items.", "N"},
        {"out", Takes::value, "Keep the report and every answer here; default: nothing is kept.",
         "DIR"},
        {"json", Takes::nothing, "One JSON object: the metrics, as in report.json.", ""},
        kDevice,
        kSet,
        kPlugin},
       run_evaluate},
      {"score",
       "MODEL PAIRS",
       "score the answers of preference rows with a model folder",
       "PAIRS is a JSONL file with prompt, chosen, rejected, or with prompt_ids, chosen_ids, "
       "rejected_ids\n"
       "(token ids; the model then needs no tokenizer).  --set gives keys of the estimator, or\n"
       "forward_process.KEY, response_length, score_padding.\n"
       "Example: lldm score runs/x/sft/model pairs.jsonl --estimator monte_carlo_elbo --set "
       "draws=8 --json",
       2,
       2,
       {{"estimator", Takes::value, "The score estimator; default monte_carlo_elbo.", "NAME"},
        {"reference", Takes::value, "Also score policy minus this model, under shared draws.",
         "MODEL"},
        {"draws-seed", Takes::value, "Seed of the draws; default 42.", "N"},
        {"repeat", Takes::value,
         "Independent draws of every answer, 1 to 1000000: mean and variance; default 1.", "N"},
        {"json", Takes::nothing, "One JSON object a row.", ""},
        kDevice,
        kSet,
        kPlugin},
       run_score},
      {"model inspect",
       "MODEL",
       "what a model folder holds: family, sizes, special ids, tensors, what is wrong with it",
       "Reads config.json and the headers of the weights.  Exit code 2 if the weights are not "
       "those "
       "of config.json.",
       1,
       1,
       {{"tensors", Takes::nothing, "List every tensor.", ""},
        {"quantised", Takes::nothing,
         "What bfloat16, int8 and nf4 weights would take, and how far the scores of texts move.",
         ""},
        {"ids", Takes::value, "Texts for --quantised: a JSON list of lists of ids.", "FILE"},
        {"seed", Takes::value, "Of the masks (and of random texts without --ids).", "N"},
        {"json", Takes::nothing, "One JSON object: every tensor, or the storages.", ""}},
       run_model_inspect},
      {"model logits",
       "MODEL",
       "the logits of token ids, as the model's own code gives them",
       "IN is a list of texts, each a list of ids, or {\"input_ids\": ..., \"attention_mask\": "
       "...};\n"
       "a 0 of the mask hides a token from the others.  OUT gets `logits` [texts, length, "
       "columns], "
       "or\n"
       "`logits.0`, `logits.1` ... where lengths differ.  Rows stand where the head gives them: "
       "the "
       "logits\n"
       "of a model with shifted logits are not shifted.",
       1,
       1,
       {{"ids", Takes::value, "The token ids, as JSON.", "FILE"},
        {"out", Takes::value, "The safetensors file.", "FILE"},
        {"dtype", Takes::value,
         "Of the computation: float32 (default), float64, bfloat16 or float16 (products alone).",
         "DTYPE"},
        {"storage", Takes::value,
         "Of the weights in memory: float32 (default), bfloat16, int8 or nf4.", "STORAGE"},
        {"adapter", Takes::value, "A PEFT folder that is added to the weights.", "DIR"},
        kDevice},
       run_model_logits},
      {"model export",
       "MODEL",
       "write a model folder again, for other programs",
       "Names of the family, dtypes of the folder's own files; tokenizer files are copied.\n"
       "Example: lldm model export runs/x/sft/model --dtype bfloat16 --out x-sft",
       1,
       1,
       {{"out", Takes::value, "The new folder.", "DIR"}, kStoredDtype},
       run_model_export},
      {"model merge",
       "MODEL",
       "write a model folder with an adapter added to its weights",
       "The adapter is a LoRA folder of PEFT.",
       1,
       1,
       {{"adapter", Takes::value, "The PEFT folder.", "DIR"},
        {"out", Takes::value, "The new folder.", "DIR"},
        kStoredDtype},
       run_model_merge},
      {"model convert",
       "MODEL",
       "make the start of a diffusion model of one that reads from left to right",
       "Names a mask token and says in config.json where predictions stand.\n"
       "Example: lldm model convert Qwen3-0.6B --mask-id 151669 --out qwen3-mask",
       1,
       1,
       {{"mask-id", Takes::value,
         "An id that no text uses; new: a row more in embedding and head, the mean of the others.",
         "ID|new"},
        {"shift", Takes::value,
         "keep (default): position i is predicted at i - 1, as it was trained; drop: in place.",
         "keep|drop"},
        {"from", Takes::value, "The family that it must be.", "FAMILY"},
        {"out", Takes::value, "The new folder.", "DIR"},
        kStoredDtype},
       run_model_convert},
      {"model init",
       "FAMILY",
       "write a model folder with fresh weights, without a tokenizer",
       "Example: lldm model init qwen3 --tokens 300 --set width=64 --set layers=2 --out tiny",
       1,
       1,
       {{"tokens", Takes::value, "Ids of its vocabulary.", "N"},
        {"seed", Takes::value, "Seed of the weights; default 42.", "N"},
        {"out", Takes::value, "The new folder.", "DIR"},
        kSet},
       run_model_init},
      {"model diff",
       "MODEL MODEL",
       "compare two model folders, tensor by tensor; exit code 1 if they differ",
       "",
       2,
       2,
       {},
       run_model_diff}};
}

std::vector<Command> tokenizer_commands() {
  return {
      {"tokenizer encode",
       "DIR|FILE",
       "texts to token ids: one JSON list a line",
       "DIR is a model folder or a folder of a hub; FILE a tokenizer.json, vocab.json, "
       "tokenizer.model,\n"
       "tekken.json or *.tiktoken (docs/tokenizers.md).  A line of --jsonl is a JSON text, or an "
       "object with\n"
       "\"text\".  No special token is added.\n"
       "Example: lldm tokenizer encode LLaDA-8B-Instruct --jsonl texts.jsonl",
       1,
       1,
       {kRows, kConverted, kSpecial, kMissingSymbol, kPattern},
       run_tokenizer_encode},
      {"tokenizer decode",
       "DIR|FILE",
       "token ids to texts: one JSON text a line",
       "A line of --jsonl is a JSON list of ids, or an object with \"ids\".",
       1,
       1,
       {kRows,
        kConverted,
        {"skip-special", Takes::nothing, "Leave special tokens out.", ""},
        kPattern},
       run_tokenizer_decode},
      {"tokenizer inspect",
       "DIR|FILE",
       "kind, size, special tokens and fingerprint of a tokenizer; the tokens of a text",
       "",
       1,
       1,
       {{"text", Takes::value, "Show its tokens, one a line.", "TEXT"},
        {"json", Takes::nothing, "One JSON object, without the text's tokens.", ""},
        kSpecial,
        kMissingSymbol,
        kPattern},
       run_tokenizer_inspect},
      {"tokenizer train",
       "FILE...",
       "learn a byte-level BPE from texts, and write it as tokenizer.json",
       "FILE: one JSON text a line, or an object with \"text\".  The same texts give the same "
       "file, "
       "in whatever order.\n"
       "Example: lldm tokenizer train texts.jsonl --size 8000 --special \"<mask>\" --special "
       "\"<eos>\" --out bpe",
       1,
       1000,
       {{"size", Takes::value, "Ids in all, special tokens included; default 32000.", "N"},
        {"special", Takes::values, "A special token, behind all others; repeat for more.", "TEXT"},
        {"pattern", Takes::value,
         "How text is cut: gpt2, cl100k, o200k, llama3, qwen2 (default), or an expression.",
         "NAME"},
        {"out", Takes::value, "The folder to write; must not exist.", "DIR"}},
       run_tokenizer_train}};
}

}  // namespace lldm::cli
