// SPDX-License-Identifier: MIT
// lldm bench step.
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/option_specs.hpp"
#include "cli/terminal.hpp"
#include "lldm/errors.hpp"
#include "lldm/measure/step_measurement.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/run/load_experiment.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/storage/files.hpp"

namespace lldm::cli {

int run_bench_step(const Arguments& arguments) {
  const std::filesystem::path file = arguments.positional.at(0);
  const Registry registry = make_registry(arguments, file);
  const LoadedExperiment loaded = load_experiment(file, arguments.values("set"), registry);
  check_runnable(loaded, registry, "all");
  StepMeasurementOptions options;
  options.stage = arguments.value("stage");
  options.steps = arguments.integer("steps", options.steps, 1, 1 << 20);
  options.warm_up = arguments.integer("warm-up", options.warm_up, 0, 1 << 20);
  options.run = arguments.value("out");
  options.plans = arguments.value("plans");
  MemoryManager memory;
  memory.install();
  TerminalObserver terminal;
  const StepMeasurement measured =
      measure_step(options.run.empty() ? loaded : with_threads_of(loaded, options.run, terminal),
                   registry, memory, terminal, options);
  if (arguments.has("svg"))
    write_file_atomically(arguments.value("svg"), measurement_svg(measured));
  if (arguments.has("json"))
    std::cout << to_json(measured).dump(2) << "\n";
  else
    std::cout << measurement_text(measured);
  return 0;
}

std::vector<Command> bench_commands() {
  return {{"bench step",
           "FILE",
           "what one optimizer step of an experiment costs: seconds by phase, FLOPs, bytes",
           "Trains the last stage that trains (or --stage) for a few steps with the trainer of "
           "`run`, and keeps\n"
           "nothing.  A stage that starts from an earlier one's model starts from fresh weights of "
           "the same shape:\n"
           "the numbers in them change no time; --out takes models and rows of a finished run.\n"
           "Example: lldm bench step experiments/bench/sft_134m.toml --steps 5 --json",
           1,
           1,
           {{"steps", Takes::value, "Steps that are measured; default 10.", "N"},
            {"warm-up", Takes::value, "Steps before them; default 2.", "N"},
            {"stage", Takes::value, "The stage; default the last one that trains.", "NAME"},
            {"json", Takes::nothing, "Print JSON.", ""},
            {"svg", Takes::value, "Write a plot of the seconds by phase.", "FILE",
             OptionSpec::File::written},
            {"plans", Takes::value,
             "Write what the model was asked, a micro-batch a line of JSON, for other programs.",
             "FILE", OptionSpec::File::written},
            {"out", Takes::value, "Folder of a run whose finished stages give models and rows.",
             "DIR", OptionSpec::File::read},
            kSet,
            kPlugin},
           run_bench_step}};
}

}  // namespace lldm::cli
