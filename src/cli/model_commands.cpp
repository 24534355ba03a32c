// SPDX-License-Identifier: MIT
// lldm sample and evaluate: one-stage experiments written from the command line.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/terminal.hpp"
#include "cli/wording.hpp"
#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/model/adapter_base.hpp"
#include "lldm/model/model.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/report/report.hpp"
#include "lldm/storage/files.hpp"

namespace lldm::cli {
namespace {

using config::Value;

/// A folder below the system's temporary one that goes away with the object.
class ScratchFolder {
 public:
  ScratchFolder() : path_(std::filesystem::temp_directory_path() / message("lldm-", getpid())) {
    make_folders(path_);
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// The model's folder as a `from` that cannot be taken for a stage's name.
std::string model_path(const Arguments& arguments) {
  return std::filesystem::absolute(arguments.positional.at(0)).string();
}

/// The longest text of the model; its errors name the folder that the user typed.
std::int64_t max_length_of(const Arguments& arguments) {
  require_model_folder(arguments.positional.at(0));
  return load_model_shape(arguments.positional.at(0)).max_length;
}

/// ConfigError for a folder that holds more than what this command keeps there.
void require_own_folder(const std::filesystem::path& out) {
  const auto config = out / "config.resolved.toml";
  if (!std::filesystem::exists(config)) return;
  config::Diagnostics ignored;
  if (config::load(config, {}, ignored).root.text_of("name") != "evaluate")
    throw ConfigError(message("--out ", out.string(),
                              ": this is the folder of another run\n  its config and report would "
                              "be lost: give another folder"));
}

Value strings(const std::vector<std::string>& texts) {
  Value list = Value::array();
  for (const std::string& text : texts) list.as_array().push_back(Value::string(text));
  return list;
}

/// An adapter's folder is run as it was trained, unless --set says otherwise.
Value model_of(const Arguments& arguments) {
  const Precision trained = trained_precision(arguments.positional.at(0));
  ModelOptions options;
  options.storage = trained.storage;
  if (trained.compute == at::kDouble) options.dtype = ModelDtype::float64;
  if (trained.compute == at::kBFloat16) options.dtype = ModelDtype::bfloat16;
  if (trained.compute == at::kHalf) options.dtype = ModelDtype::float16;
  const Value all = config::write_options(options);
  Value model;
  for (const char* key : {"dtype", "storage"}) model.set(key, all.find(key)->value);
  return model;
}

/// Writes the one-stage file, loads it with the user's --set, and runs it.
void run_stage(const Arguments& arguments, const Value& stage, std::int64_t seed,
               std::int64_t max_length, const std::filesystem::path& file,
               const std::filesystem::path& out) {
  Value root;
  root.set("name", Value::string(std::string(stage.text_of("kind"))));
  root.set("seed", Value::integer(seed));
  if (is_adapter_folder(arguments.positional.at(0))) root.set("model", model_of(arguments));
  if (arguments.has("device")) root.set("device", Value::string(arguments.value("device")));
  Value stages = Value::array();
  stages.as_array().push_back(stage);
  root.set("stage", stages);
  Value sampler;  // so that --set sampler.steps=15 needs no type
  sampler.set("type", Value::string("fixed_length"));
  // Half of what the model accepts, unless --set says otherwise: room for a prompt.
  const std::int64_t canvas = std::min<std::int64_t>(128, max_length / 2);
  sampler.set("response_length", Value::integer(canvas));
  sampler.set("steps", Value::integer(canvas));
  root.set("sampler", sampler);
  write_file_atomically(file, config::write_toml(root));
  const Wording wording(std::string(stage.text_of("kind")), file);
  wording.translate([&] {
    const Registry registry = make_registry(arguments, file);
    const LoadedExperiment loaded = load_experiment(file, arguments.values("set"), registry);
    if (loaded.document.root.find("grid"))
      throw ConfigError("--set grid: a grid is run from a file\n  see: lldm grid run --help");
    MemoryManager memory;
    memory.install();
    TerminalObserver terminal;
    WordedLogger logger(terminal, wording);
    RunOptions options;
    options.out = out;
    options.observer = &terminal;
    run_experiment(loaded, registry, memory, logger, options);
  });
}

}  // namespace

int run_sample(const Arguments& arguments) {
  if (!arguments.has("prompt"))
    throw ConfigError("lldm sample: no prompt\n  give --prompt TEXT, once or more");
  const std::int64_t max_length = max_length_of(arguments);
  Value stage;
  stage.set("name", Value::string("sample"));
  stage.set("kind", Value::string("sample"));
  stage.set("from", Value::string(model_path(arguments)));
  stage.set("prompts", strings(arguments.values("prompt")));
  stage.set("samples_per_prompt", Value::integer(arguments.integer("samples", 1)));
  const ScratchFolder scratch;
  run_stage(arguments, stage, arguments.integer("seed", 42), max_length,
            scratch.path() / "sample.toml", scratch.path() / "run");
  std::istringstream lines(read_file(scratch.path() / "run" / "sample" / "samples.jsonl"));
  for (std::string line; std::getline(lines, line);)
    std::cout << (arguments.has("json")
                      ? line
                      : nlohmann::json::parse(line).at("response").get<std::string>())
              << "\n";
  return 0;
}

int run_evaluate(const Arguments& arguments) {
  if (!arguments.has("task"))
    throw ConfigError("lldm evaluate: no task\n  give --task NAME; see: lldm list tasks");
  const std::int64_t max_length = max_length_of(arguments);
  Value task;
  task.set("type", Value::string(arguments.value("task")));
  Value stage;
  stage.set("name", Value::string("scores"));
  stage.set("kind", Value::string("evaluate"));
  stage.set("models", strings({model_path(arguments)}));
  stage.set("task", task);
  stage.set("limit", Value::integer(arguments.integer("limit", 0)));
  require_own_folder(arguments.value("out"));
  const ScratchFolder scratch;
  const std::filesystem::path out = arguments.value("out", (scratch.path() / "run").string());
  run_stage(arguments, stage, 42, max_length, scratch.path() / "evaluate.toml", out);
  if (arguments.has("json")) {
    const auto report =
        nlohmann::ordered_json::parse(read_file(std::filesystem::path(out) / "report.json"));
    std::cout << report.at("rows").at(0).at("metrics").dump() << "\n";
    return 0;
  }
  std::cout << report_text(out, terminal_width());
  if (!arguments.has("out"))
    std::cout << "nothing is kept; --out DIR keeps the report and every answer (items.jsonl)\n";
  return 0;
}

}  // namespace lldm::cli
