// SPDX-License-Identifier: MIT
// How a command of `lldm` is written: a name, one line of help, named options, a function.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lldm::cli {

/// One option of a command.
struct OptionSpec {
  enum class Takes { nothing, value, values };  // a switch, one value, or one per repetition
  std::string name;
  Takes takes = Takes::value;
  std::string help;
  std::string value_name = "VALUE";
  /// What is done with the file or folder: what is written must be writable before work begins.
  /// What is named "out" is, unless a command says that it looks there.
  enum class File { other, read, written };
  File file = File::other;
};

/// Of commands that compute with a model folder.
inline const OptionSpec kDevice{"device", OptionSpec::Takes::value,
                                "Where it computes: cpu (default), cuda, cuda:N, or auto (a GPU "
                                "where there is one).",
                                "DEVICE"};

/// What the user typed behind a command's name.
struct Arguments {
  std::vector<std::string> positional;
  std::map<std::string, std::vector<std::string>> options;

  [[nodiscard]] bool has(const std::string& name) const { return options.contains(name); }
  /// The option's (last) value, or `otherwise`.
  [[nodiscard]] std::string value(const std::string& name, const std::string& otherwise = "") const;
  [[nodiscard]] std::vector<std::string> values(const std::string& name) const;
  /// The option's value as an integer in [least, most]; ConfigError for anything else.
  [[nodiscard]] std::int64_t integer(
      const std::string& name, std::int64_t otherwise, std::int64_t least = 0,
      std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;
};

struct Command {
  std::string name;     // "data generate" has two words
  std::string usage;    // positional arguments: "FILE"
  std::string summary;  // one line
  std::string details;  // further help
  std::size_t min_positional = 0, max_positional = 0;
  std::vector<OptionSpec> options;
  int (*run)(const Arguments&);
};

/// Those of models and their folders, of tokenizers, and of pairs.
std::vector<Command> model_commands();
std::vector<Command> synthesis_commands();
std::vector<Command> tokenizer_commands();
/// Those of grids and of stores.
std::vector<Command> grid_commands();
/// Those of files of rows, beside generate, check and inspect.
std::vector<Command> data_commands();
/// Those that measure.
std::vector<Command> bench_commands();

/// Every command, in the order of `lldm --help`.
const std::vector<Command>& commands();

/// Parses what stands behind the command's name.  ConfigError naming the nearest option.
Arguments parse(const Command& command, const std::vector<std::string>& words);

/// Whether an argument that `--help` shows as `kind` ("FILE", "DIR...", "MODEL PAIRS") is a path.
bool names_path(std::string_view kind);

std::string help_text();
std::string help_text(const Command& command);

/// Columns of the terminal on stdout; 100 when piped.
int terminal_width();

// One function per command; each lives in src/cli/<name>.cpp.
int run_run(const Arguments&);
int run_launch(const Arguments&);
int run_validate(const Arguments&);
int run_plan(const Arguments&);
int run_list(const Arguments&);
int run_describe(const Arguments&);
int run_sample(const Arguments&);
int run_evaluate(const Arguments&);
int run_score(const Arguments&);
int run_model_init(const Arguments&);
int run_model_inspect(const Arguments&);
/// Of `lldm model inspect --quantised`.
void print_storage_errors(const Arguments&, const std::filesystem::path& folder);
int run_model_logits(const Arguments&);
int run_model_export(const Arguments&);
int run_model_merge(const Arguments&);
int run_model_convert(const Arguments&);
int run_model_diff(const Arguments&);
int run_data_generate(const Arguments&);
int run_data_check(const Arguments&);
int run_data_inspect(const Arguments&);
int run_data_synthesize(const Arguments&);
int run_data_stats(const Arguments&);
int run_data_convert(const Arguments&);
int run_data_split(const Arguments&);
int run_data_pack(const Arguments&);
int run_data_benchmark(const Arguments&);
int run_data_label(const Arguments&);
int run_tokenizer_encode(const Arguments&);
int run_tokenizer_decode(const Arguments&);
int run_tokenizer_inspect(const Arguments&);
int run_tokenizer_train(const Arguments&);
int run_grid_plan(const Arguments&);
int run_grid_run(const Arguments&);
int run_grid_status(const Arguments&);
int run_grid_resume(const Arguments&);
int run_grid_collect(const Arguments&);
int run_grid_emit(const Arguments&);
int run_grid_work(const Arguments&);
int run_store_list(const Arguments&);
int run_store_prune(const Arguments&);
int run_plugin_check(const Arguments&);
int run_report(const Arguments&);
int run_export(const Arguments&);
int run_env(const Arguments&);
int run_completion(const Arguments&);
int run_bench_step(const Arguments&);

}  // namespace lldm::cli
