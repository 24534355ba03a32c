// SPDX-License-Identifier: MIT
// The commands that make pairs.
#include "cli/command.hpp"

namespace lldm::cli {

std::vector<Command> synthesis_commands() {
  using Takes = OptionSpec::Takes;
  return {
      {"data synthesize",
       "[KIND...]",
       "preference pairs: errors put into right chains, or answers made elsewhere",
       "A right chain is an answer of the task's file (--task file: its \"solution\").  Every "
       "pair "
       "says where it is\n"
       "from and what is wrong; the same seed gives the same bytes (docs/reasoning_pairs.md).\n"
       "With --problems, --judge or --labeled FILE holds answers instead: {id or prompt, response "
       "or responses}.\n"
       "Example: lldm data synthesize --task gsm8k --from train.jsonl --out pairs.jsonl --kinds "
       "operation,carry_over --seed 1",
       0,
       16,
       {{"task", Takes::value, "The task that reads and checks; its options by --set KEY=VALUE.",
         "NAME"},
        {"from", Takes::value, "The right chains, or the answers.", "FILE"},
        {"out", Takes::value, "The pairs, JSONL.", "FILE"},
        {"kinds", Takes::values,
         "Kinds of error, parted by commas; default: all that the task's chains can have.",
         "KIND,..."},
        {"seed", Takes::value, "Seed of the draws; default 42.", "N"},
        {"per-kind", Takes::value, "At most so many pairs of one kind per prompt; default 1.", "N"},
        {"pairs-per-prompt", Takes::value,
         "At most so many pairs per prompt; 0: all (the default of errors; of answers: 1).", "N"},
        {"problems", Takes::value, "Import: the problems, whose task labels the answers.", "FILE"},
        {"judge", Takes::value,
         "Import: a shell command labels; it reads a line of JSON an answer and writes "
         "{\"correct\": true} for each.",
         "CMD"},
        {"judge-timeout", Takes::value, "Seconds for 256 answers; default 600.", "N"},
        {"labeled", Takes::nothing, "Import: the rows say \"correct\" themselves.", ""},
        {"pair-by", Takes::value,
         "Import: outcome (correct above incomplete above wrong, shorter above longer; the "
         "default) or grade.",
         "RULE"},
        {"correct-share-min", Takes::value,
         "Import: prompts of whose answers a smaller share is correct are too hard; default 0.",
         "SHARE"},
        {"correct-share-max", Takes::value,
         "Import: prompts of whose answers a larger share is correct are too easy; default 1.",
         "SHARE"},
        {"allow-benchmarks", Takes::nothing,
         "Make pairs of data that models are measured by, to measure with; every pair says so.",
         ""},
        {"benchmarks", Takes::value,
         "Sets that are refused beside the built-in ones, of lldm data benchmark.", "SETS"},
        {"json", Takes::nothing, "Also the counts as one JSON object.", ""},
        {"set", Takes::values, "A key of the task; VALUE is read as TOML.", "KEY=VALUE"},
        {"plugin", Takes::values, "Load this plugin first.", "FILE"}},
       run_data_synthesize}};
}

}  // namespace lldm::cli
