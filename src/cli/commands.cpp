// SPDX-License-Identifier: MIT
// The table of commands: everything `--help` says.
#include <algorithm>

#include "cli/option_specs.hpp"

namespace lldm::cli {
namespace {

/// The commands of models stand before those of data, all other tables before those of plugins.
std::vector<Command> with_folder_commands(std::vector<Command> table) {
  const auto put_before = [&](const char* name, const std::vector<Command>& more) {
    const auto place = std::find_if(table.begin(), table.end(),
                                    [&](const Command& command) { return command.name == name; });
    table.insert(place, more.begin(), more.end());
  };
  put_before("data generate", model_commands());
  for (const auto& more :
       {synthesis_commands(), data_commands(), tokenizer_commands(), grid_commands()})
    put_before("plugin check", more);
  put_before("completion", bench_commands());
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
         kFresh,
         kStore},
        run_run},
       {"launch",
        "COMMAND...",
        "run an experiment in several processes of this machine, which share every training step",
        "Example: lldm launch --processes 2 -- run FILE --out DIR\n"
        "Every line that they write begins with the rank: [0], [1], ...  Signals are passed on; "
        "the "
        "exit code is\n"
        "that of the first process that did not end well.  On several machines: torchrun or srun "
        "(docs/several_processes.md).",
        1,
        1000,
        {{"processes", Takes::value, "How many.", "N"}},
        run_launch},
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
        "With --budget, --device, --seconds or --json: every way to do the steps of each training "
        "stage "
        "(storage of the\n"
        "weights, recomputation, gradient path, tokens of a pass, reference held or cached), with "
        "its memory and\n"
        "its seconds by the device's profile, which of them fit, and the fastest of these "
        "(docs/planning.md).",
        1,
        1,
        {kReadOut,
         {"budget", Takes::value,
          "Memory that a run may hold (\"16 GiB\"); default: the file's, else what the device has.",
          "SIZE"},
         {"device", Takes::value,
          "Profile of the device: cpu, rtx4080, h100, h200, or a file of lldm env --profile; "
          "default: the file's.",
          "NAME|FILE"},
         {"seconds", Takes::value,
          "What a step may take: where the file's takes longer, the most copies of a text (steps, "
          "draws) that would do are proposed.",
          "S"},
         {"json", Takes::nothing, "The whole table as JSON.", ""},
         kSet,
         kPlugin},
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
          "DIR", OptionSpec::File::read},
         kSet,
         kPlugin},
        run_data_inspect},
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
        {{"csv", Takes::value, "Write metrics.jsonl as CSV.", "FILE", OptionSpec::File::written},
         {"wandb", Takes::value, "Write a Python script for the wandb client.", "FILE",
          OptionSpec::File::written},
         {"mlflow", Takes::value, "Write a Python script for the mlflow client.", "FILE",
          OptionSpec::File::written}},
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
       {"env",
        "",
        "versions, devices and build, for bug reports; this machine's profile for plans",
        "",
        0,
        0,
        {{"profile", Takes::nothing,
          "Measure a device of this machine (20 s) and write its profile instead.", ""},
         {"device", Takes::value, "The device: cpu (default), cuda, cuda:N or auto.", "DEVICE"},
         {"out", Takes::value, "The file of the profile; default: standard output.", "FILE"},
         kPlugin},
        run_env}});
  return table;
}

}  // namespace lldm::cli
