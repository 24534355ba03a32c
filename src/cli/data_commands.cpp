// SPDX-License-Identifier: MIT
// The commands of files of rows, in the table of commands.
#include "cli/command.hpp"

namespace lldm::cli {
namespace {

using Takes = OptionSpec::Takes;

const OptionSpec kColumns{
    "columns", Takes::value,
    "Under which keys the rows keep what is read: prompt=question,chosen=good.", "OURS=THEIRS,..."};
const OptionSpec kFormat{"format", Takes::value,
                         "The form of the rows: text, prompt_response, conversation, preference, "
                         "ranked, unpaired; default auto, what the first row shows.",
                         "FORM"};
const OptionSpec kTokenizer{"tokenizer", Takes::value,
                            "Model folder or tokenizer's file, or bytes.", "DIR|FILE"};

}  // namespace

std::vector<Command> data_commands() {
  return {
      {"data stats",
       "FILE...",
       "lengths, repeated rows and prompts, bad rows; of several files the prompts they share",
       "Lengths are in characters, with --tokenizer in tokens (the folder's template counts).  Bad "
       "rows are\n"
       "counted by reason: empty answers, chosen equal to rejected, not JSON ...\n"
       "Example: lldm data stats train.jsonl test.jsonl",
       1,
       1000,
       {kColumns, kFormat, kTokenizer, {"json", Takes::nothing, "One JSON object.", ""}},
       run_data_stats},
      {"data convert",
       "FILE",
       "write the rows of a file in lldm's own form",
       "Reads what lldm data check reads: alpaca, ShareGPT, TRL, HH-RLHF, UltraFeedback, JSON "
       "arrays, gzip.\n"
       "Example: lldm data convert qa.json --columns prompt=question,response=answer --out "
       "rows.jsonl",
       1,
       1,
       {{"out", Takes::value, "The JSONL file to write.", "FILE"},
        {"to", Takes::value,
         "unpaired: every pair as a wanted and an unwanted row, in random order.", "FORM"},
        {"seed", Takes::value, "Of that order; default 42.", "N"},
        {"keep", Takes::value,
         "Keys of the file's rows to carry on beside lldm's own (id, error, provenance ...); all: "
         "every one.",
         "KEY,..."},
        kColumns,
        kFormat},
       run_data_convert},
      {"data split",
       "FILE",
       "share a file out by prompt, so that no prompt is in two parts",
       "A prompt's part is decided by the seed and its text alone: rows that are added later "
       "change "
       "no other\n"
       "row's part.  Rows are kept as they stand.",
       1,
       1,
       {{"out", Takes::value, "Folder of NAME.jsonl of every part.", "DIR"},
        {"parts", Takes::value, "Shares; default train=0.9,test=0.1.", "NAME=SHARE,..."},
        {"seed", Takes::value, "Default 42.", "N"},
        kColumns,
        kFormat},
       run_data_split},
      {"data pack",
       "FILE...",
       "write texts as tokens, for data = { corpus = DIR } of a pretraining stage",
       "Rows are {text}.  One is in memory at a time; the folder is complete or absent.\n"
       "Example: lldm data pack books.jsonl.gz --tokenizer ./model --out corpus",
       1,
       100000,
       {{"out", Takes::value, "The folder to make.", "DIR"},
        kTokenizer,
        {"allow-benchmarks", Takes::nothing,
         "Pack data that models are measured by too; how much is told.", ""},
        {"benchmarks", Takes::value,
         "Sets that are refused beside the built-in ones, of lldm data benchmark.", "SETS"},
        kColumns},
       run_data_pack},
      {"data benchmark",
       "FILE...",
       "keep the prompts of sets that models are measured by, so that nothing is trained on them",
       "Keeps a digest of every prompt, not its text.  MATH-500, GSM8K's test half and the "
       "development sets of\n"
       "LogiQA and HotpotQA are known without it; benchmarks = \"SETS\" in a stage adds these.\n"
       "Example: lldm data benchmark our_test.jsonl --name \"our test\" --out sets.jsonl",
       1,
       1000,
       {{"out", Takes::value, "The file to write.", "SETS"},
        {"name", Takes::value, "What the set is called; default the file's name.", "NAME"},
        kColumns,
        kFormat},
       run_data_benchmark},
      {"data label",
       "FILE",
       "say which of two answers is better: by hand, by a command, or by a task's checker",
       "FILE holds rows of prompt, chosen and rejected (whose order is not looked at) or of prompt "
       "and two answers.\n"
       "By hand both answers stand side by side, pairs and sides in random order.  Every verdict "
       "is "
       "kept at once,\n"
       "in OUT.verdicts.jsonl; the same command goes on.  --judge CMD gets lines {id, prompt, "
       "first, "
       "second} and\n"
       "writes for each a line {\"verdict\": \"first\"}, \"second\" or \"tie\".  With --task the "
       "better grade wins.\n"
       "Example: lldm data label answers.jsonl --out pairs.jsonl --judge \"python3 judge.py\"",
       1,
       1,
       {{"out", Takes::value, "The preference rows to write.", "FILE"},
        {"judge", Takes::value, "A command, for sh.", "CMD"},
        {"batch", Takes::value, "Pairs of one call of the judge; default 16.", "N"},
        {"timeout", Takes::value, "Seconds of one call of the judge; default 600.", "N"},
        {"task", Takes::value, "The task whose checker judges; its options by --set.", "NAME"},
        {"seed", Takes::value, "Of the random orders; default 42.", "N"},
        kColumns,
        {"set", Takes::values, "An option of the task; VALUE is read as TOML.", "KEY=VALUE"},
        {"plugin", Takes::values, "Load this plugin first.", "FILE"}},
       run_data_label},
  };
}

}  // namespace lldm::cli
