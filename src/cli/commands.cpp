// SPDX-License-Identifier: MIT
// The table of commands: everything `--help` says.
#include "cli/command.hpp"

#include <algorithm>

namespace lldm::cli {
namespace {

using Takes = OptionSpec::Takes;

const OptionSpec kSet{"set", Takes::values, "Override a key of the file; VALUE is read as TOML.",
                      "KEY.PATH=VALUE"};
const OptionSpec kPlugin{"plugin", Takes::values, "Load this plugin first.", "FILE"};
const OptionSpec kOut{"out", Takes::value, "Folder of the run; default runs/<file name>.", "DIR"};

const OptionSpec kStore{
    "store", Takes::value,
    "Take finished work from this folder, from whatever experiment, and keep it there.", "DIR"};

const OptionSpec kJobs{"jobs", Takes::value, "Worker processes; default 1.", "N"};
const OptionSpec kRetryFailed{"retry-failed", Takes::nothing,
                              "Try again what is recorded as failed.", ""};
const OptionSpec kStrictResume{"strict-resume", Takes::nothing,
                               "A damaged or missing newest checkpoint is an error; without, the "
                               "one before is taken.",
                               ""};

/// The commands of models and tokenizers stand before those of data and grids.
std::vector<Command> with_folder_commands(std::vector<Command> table) {
  const auto put_before = [&](const char* name, const std::vector<Command>& more) {
    const auto place = std::find_if(table.begin(), table.end(),
                                    [&](const Command& command) { return command.name == name; });
    table.insert(place, more.begin(), more.end());
  };
  put_before("data generate", model_commands());
  put_before("grid plan", synthesis_commands());
  put_before("grid plan", data_commands());
  put_before("grid plan", tokenizer_commands());
  return table;
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> table = with_folder_commands(
      {{"run",
        "FILE",
        "run an experiment, or go on with it",
        "The same command again resumes; finished stages and cells are skipped.  SIGINT, SIGTERM, "
        "SIGUSR1,\n"
        "SIGHUP and the file's max_hours save and exit with 75.  A file that has grown (a value, a "
        "seed, a\n"
        "stage) does what is new; one that would change finished work is refused with the "
        "difference\n"
        "(docs/growing.md).\n"
        "A grid is run in this process, cell by cell, and what failed is tried again; in several "
        "processes: lldm grid run.",
        1,
        1,
        {kOut,
         kSet,
         kPlugin,
         {"stage", Takes::value, "Run this stage and what it needs; default all.", "NAME|all"},
         {"dry-run", Takes::nothing,
          "Only say what would be done: work, steps, forward passes, memory.", ""},
         {"resume", Takes::value, "Go on from this checkpoint instead of the newest one.", "PATH"},
         kStrictResume,
         {"fresh", Takes::nothing, "Remove what an earlier run left in the folder, then start.",
          ""},
         kStore},
        run_run},
       {"validate",
        "FILE",
        "check a file without any model work; every mistake at once, exit code 2",
        "Prints one line per mistake, beginning file:line:column, with what would be right below "
        "it.",
        1,
        1,
        {kSet, kPlugin},
        run_validate},
       {"plan",
        "FILE",
        "what a run would do: stages, steps, forward passes, predicted memory",
        "",
        1,
        1,
        {kOut, kSet, kPlugin},
        run_plan},
       {"list",
        "[ROLE]",
        "the components of a role, or of all: name, plugin, description",
        "Roles: forward_process, noise_schedule, score_estimator, objective, remasking, sampler, "
        "task.",
        0,
        1,
        {kPlugin},
        run_list},
       {"describe",
        "NAME",
        "the options of a component, a stage kind or a table",
        "NAME is a component (dpo, objective.dpo), a kind of stage (stage.sft), or a table "
        "(optimizer, model,\n"
        "tokenizer, template, memory, data, file), a role (task), or one key of these "
        "(memory.budget, sft.optimizer.decay).",
        1,
        1,
        {kPlugin},
        run_describe},
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
       {"data generate",
        "TASK",
        "write a task's rows as JSONL",
        "Example: lldm data generate word_problems --set rows=1000 --set split=test --out "
        "test.jsonl",
        1,
        1,
        {{"out", Takes::value, "The file; default: standard output.", "FILE"},
         {"seed", Takes::value, "Seed where the task's own is not set; default 42.", "N"},
         kSet,
         kPlugin},
        run_data_generate},
       {"data check",
        "FILE",
        "every bad row of a JSONL file, one line each",
        "Exits with 2 where a row cannot be used: \"FILE:LINE: reason\" for each, then their "
        "count.\n"
        "Example: lldm data check pairs.jsonl --kind preference --tokenizer ./LLaDA-8B-Instruct",
        1,
        1,
        {{"kind", Takes::value, "What the rows are to be.",
          "text|conversations|preference|unpaired"},
         {"columns", Takes::value,
          "Under which keys the rows keep what is read: prompt=question,chosen=good.",
          "OURS=THEIRS,..."},
         {"tokenizer", Takes::value,
          "Model folder: rows that its tokenizer and template cannot encode are bad too.", "DIR"}},
        run_data_check},
       {"data inspect",
        "FILE",
        "what a JSONL file, or the data of an experiment, looks like to a model",
        "FILE is a .jsonl file (with --tokenizer MODEL: that folder's template writes it) or an "
        "experiment (.toml).\n"
        "Of an experiment it prints the rows of every stage that trains or scores pairs as the "
        "stage encodes\n"
        "them: generated rows, files, and outputs of stages that have run in --out; ids and text "
        "of "
        "prompt,\n"
        "response and padding, which tokens are scored, and lengths.",
        1,
        1,
        {{"rows", Takes::value, "Rows to print; default 3.", "N"},
         {"tokens", Takes::value, "Tokens to print of each text; default 80.", "N"},
         {"tokenizer", Takes::value,
          "Model folder whose tokenizer and template are used; default: a word vocabulary of the "
          "file, the stages' own of an experiment.",
          "DIR"},
         {"response-length", Takes::value, "Of a .jsonl file: the answers' canvas; default own.",
          "N"},
         {"columns", Takes::value, "Of a .jsonl file: under which keys its rows keep what is read.",
          "OURS=THEIRS,..."},
         {"format", Takes::value, "Of a .jsonl file: the form of its rows; default auto.", "FORM"},
         {"stage", Takes::value, "Of an experiment: this stage alone; default all.", "NAME|all"},
         {"out", Takes::value, "Of an experiment: folder of the run; default runs/<file name>.",
          "DIR"},
         kSet,
         kPlugin},
        run_data_inspect},
       {"grid plan",
        "FILE",
        "the cells of a grid, the work they share, forward passes, memory",
        "A misspelt axis is an error here.  See: lldm describe grid",
        1,
        1,
        {kOut, kSet, kPlugin},
        run_grid_plan},
       {"grid run",
        "FILE",
        "run every cell in worker processes; finished ones are skipped",
        "The same command again goes on, also after SIGKILL, and gives the report of a run left "
        "alone.\n"
        "The bits do not depend on --jobs: every worker has the file's `threads`, 1 if it names "
        "none.\n"
        "N is lowered, and said so, where N workers might hold more than [memory] budget or the "
        "machine has.",
        1,
        1,
        {kOut,
         kJobs,
         kRetryFailed,
         kStrictResume,
         {"fresh", Takes::nothing, "Remove what an earlier run left in the folder, then start.",
          ""},
         kStore,
         kSet,
         kPlugin},
        run_grid_run},
       {"grid status",
        "DIR",
        "how far the run in a folder is, cell by cell",
        "States: done, running (somebody is at its work), failed, waiting.",
        1,
        1,
        {{"json", Takes::nothing, "One JSON object.", ""}, kPlugin},
        run_grid_status},
       {"grid resume",
        "DIR",
        "go on with a grid from its folder alone",
        "As grid run, with the folder's config.resolved.toml.",
        1,
        1,
        {kJobs, kRetryFailed, kStrictResume, kStore, kPlugin},
        run_grid_resume},
       {"grid collect",
        "DIR",
        "write the report of what is finished, and print it",
        "A report of less than everything says that it is partial.",
        1,
        1,
        {kPlugin},
        run_grid_collect},
       {"grid emit",
        "FILE",
        "write an sbatch array script that runs the grid on a SLURM cluster",
        "Writes DIR/grid.sbatch and prepares DIR, which every node must see.  Options given to "
        "sbatch win over\n"
        "the script's.  SIGTERM comes two minutes before the limit; a stopped task is queued "
        "again.",
        1,
        1,
        {{"slurm", Takes::nothing, "The scheduler.", ""},
         kOut,
         {"cells-per-task", Takes::value,
          "Cells of one array task; default: 1, more above 1000 cells.", "N"},
         kStore,
         kSet,
         kPlugin},
        run_grid_emit},
       {"grid work",
        "DIR",
        "one worker: do work of a prepared grid beside other workers",
        "What grid run and grid emit start.  Ends when all its cells are done or have failed.",
        1,
        1,
        {{"cells", Takes::value, "Only these cells, counted from 0 in the order of grid plan.",
          "A-B"},
         {"sharers", Takes::value, "Processes that share [memory] budget; default 1.", "N"},
         kStrictResume,
         kStore,
         kPlugin},
        run_grid_work},
       {"store list",
        "DIR",
        "the finished work in a store, the longest unused first",
        "A store is what --store DIR of run and grid run fills.  See docs/growing.md.",
        1,
        1,
        {{"json", Takes::nothing, "One JSON object.", ""}},
        run_store_list},
       {"store prune",
        "DIR",
        "remove work from a store by age, use or size; says what it removes",
        "At least one limit.  Runs have copies: nothing of theirs is touched.\n"
        "Example: lldm store prune store --unused-for 30 --max-size \"20 GiB\" --dry-run",
        1,
        1,
        {{"older-than", Takes::value, "Published more than so many days ago.", "DAYS"},
         {"unused-for", Takes::value, "Neither published nor taken for so many days.", "DAYS"},
         {"max-size", Takes::value,
          "The longest unused go until the rest fits, written with its unit.", "SIZE"},
         {"damaged", Takes::nothing, "Work whose files are not what was published.", ""},
         {"dry-run", Takes::nothing, "Only say what would be removed.", ""}},
        run_store_prune},
       {"plugin check",
        "FILE",
        "check the laws of everything that a plugin registers; exit code 0 or 4",
        "One line per law: pass, FAIL or skip (does not concern the component), with what was seen "
        "and what would be\n"
        "right.  Every component is checked in a process of its own: a crash or a hang is a law "
        "that "
        "fails.\n"
        "Example: lldm plugin check build/lib/plugins/libmargin_objective.so --set margin=0.2",
        1,
        1,
        {{"set", Takes::values,
          "An option of the components that have it, or COMPONENT.KEY of one; VALUE is read as "
          "TOML.",
          "KEY=VALUE"},
         {"timeout", Takes::value, "Seconds without an answer that stop a component; default 60.",
          "N"}},
        run_plugin_check},
       {"report",
        "DIR...",
        "write the report and plots of one or several runs, and print it",
        "Of several: rows are put together with a column for the run, equal work counts once, and "
        "other seeds of\n"
        "equal settings join one line.",
        1,
        1000,
        {{"out", Takes::value, "Where to write; default: DIR, if it is one.", "DIR"}},
        run_report},
       {"export",
        "DIR",
        "metrics as CSV, or a script that replays them",
        "Example: lldm export runs/quickstart --csv metrics.csv",
        1,
        1,
        {{"csv", Takes::value, "Write metrics.jsonl as CSV.", "FILE"},
         {"wandb", Takes::value, "Write a Python script for the wandb client.", "FILE"},
         {"mlflow", Takes::value, "Write a Python script for the mlflow client.", "FILE"}},
        run_export},
       {"completion",
        "SHELL",
        "a script that completes commands, options and names in bash or zsh",
        "SHELL is bash or zsh.  bash: source <(lldm completion bash), in ~/.bashrc.\n"
        "zsh: lldm completion zsh > DIR/_lldm, where DIR is in fpath.\n"
        "Names of a plugin's components are completed where --plugin loads it.",
        1,
        1,
        {kPlugin},
        run_completion},
       {"env", "", "versions, devices and build, for bug reports", "", 0, 0, {kPlugin}, run_env}});
  return table;
}

}  // namespace lldm::cli
