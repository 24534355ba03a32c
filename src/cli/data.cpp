// SPDX-License-Identifier: MIT
// lldm data generate, data inspect, export.
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/data_options.hpp"
#include "cli/terminal.hpp"
#include "lldm/concepts/any_task.hpp"
#include "lldm/config/document.hpp"
#include "lldm/data/inspect.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/run/inspect.hpp"
#include "lldm/services.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/tokenizer/load.hpp"
#include "lldm/tokenizer/words.hpp"
#include "lldm/track/export.hpp"

namespace lldm::cli {
namespace {

using config::Value;

InspectSettings settings_of(const Arguments& arguments) {
  InspectSettings settings;
  settings.num_rows = arguments.integer("rows", settings.num_rows);
  settings.num_tokens = arguments.integer("tokens", settings.num_tokens);
  settings.prompt_template = template_beside(arguments);
  if (arguments.has("response-length"))
    settings.response_length = arguments.integer("response-length", 1);
  return settings;
}

std::shared_ptr<const Tokenizer> tokenizer_of(const Arguments& arguments,
                                              const std::vector<std::string>& texts) {
  if (auto given = cli::tokenizer_of(arguments)) return given;
  std::cout
      << "tokenizer: a word vocabulary made of this file (choose another with --tokenizer DIR)\n";
  return make_tokenizer(TokenizerOptions{}, texts);
}

std::string inspect_rows_file(const Arguments& arguments, const std::string& file) {
  RowReaderOptions options = reader_of(arguments);
  options.offers_skip = true;
  const RowForm form = detect_row_form(file, {}, options);
  const InspectSettings settings = settings_of(arguments);
  std::vector<std::string> texts;
  if (form == RowForm::text) {
    const auto rows = read_text_rows(file, options);
    for (const TextRow& row : rows.rows) texts.push_back(row.text);
    return rows.summary() + "\n" +
           describe_rows(rows.rows, *tokenizer_of(arguments, texts), settings);
  }
  const auto add = [&](const std::vector<Message>& prompt) {
    for (const Message& turn : prompt) texts.push_back(turn.content);
  };
  if (form == RowForm::preference) {
    const auto rows = read_preference_rows(file, options);
    for (const PreferenceRow& row : rows.rows) {
      add(row.prompt);
      texts.push_back(row.chosen);
      texts.push_back(row.rejected);
    }
    return rows.summary() + "\n" +
           describe_rows(rows.rows, *tokenizer_of(arguments, texts), settings);
  }
  if (form == RowForm::ranked) {
    const auto rows = read_ranked_rows(file, 0, options);
    for (const RankedRow& row : rows.rows) {
      add(row.prompt);
      texts.insert(texts.end(), row.answers.begin(), row.answers.end());
    }
    return rows.summary() + "\n" +
           describe_rows(rows.rows, *tokenizer_of(arguments, texts), settings);
  }
  if (form == RowForm::unpaired) {
    const auto rows = read_unpaired_rows(file, options);
    std::vector<PromptRow> shown;
    for (const UnpairedRow& row : rows.rows) {
      add(row.prompt);
      texts.push_back(row.completion);
      shown.push_back({row.id, row.content_hash, row.prompt, row.completion});
    }
    return rows.summary() + "\n" + describe_rows(shown, *tokenizer_of(arguments, texts), settings);
  }
  const auto rows = read_prompt_rows(file, options);
  for (const PromptRow& row : rows.rows) {
    add(row.prompt);
    texts.push_back(row.response);
  }
  return rows.summary() + "\n" +
         describe_rows(rows.rows, *tokenizer_of(arguments, texts), settings);
}

/// The rows of every stage as it trains on them or scores them.
void inspect_stages(const Arguments& arguments, const std::filesystem::path& file) {
  const Registry registry = make_registry(arguments, file);
  InspectRequest request{.out = out_folder(arguments, file),
                         .stage = arguments.value("stage", "all"),
                         .tokenizer = arguments.value("tokenizer")};
  request.num_rows = arguments.integer("rows", request.num_rows);
  request.num_tokens = arguments.integer("tokens", request.num_tokens);
  std::string bad;
  for (const InspectedStage& stage : inspect_experiment(
           load_experiment(file, arguments.values("set"), registry), registry, request)) {
    std::cout << "== stage " << stage.stage << "\n"
              << stage.text << (stage.is_missing ? stage.error + "\n" : "") << "\n";
    if (!stage.is_missing && !stage.error.empty())
      bad += message(bad.empty() ? "" : "\n", "stage \"", stage.stage, "\": ", stage.error);
  }
  if (!bad.empty()) throw DataError(bad);
}

}  // namespace

int run_data_generate(const Arguments& arguments) {
  const Registry registry = make_registry(arguments);
  const auto seed = static_cast<std::uint64_t>(arguments.integer("seed", 42));
  const AnyTask task = task_named(arguments, arguments.positional.front(), registry, seed);
  std::string lines;
  for (const Example& example : task.examples()) {
    nlohmann::ordered_json row;
    if (example.prompt.empty())
      row = {{"text", example.answer}};
    else
      row = {{"id", example.id}, {"prompt", example.prompt}, {"response", example.answer}};
    lines += row.dump() + "\n";
  }
  if (!arguments.has("out")) {
    std::cout << lines;
    return 0;
  }
  write_file_atomically(arguments.value("out"), lines);
  std::cout << arguments.value("out") << ": " << std::count(lines.begin(), lines.end(), '\n')
            << " rows\n";
  return 0;
}

int run_data_inspect(const Arguments& arguments) {
  const std::filesystem::path file = arguments.positional.front();
  const bool is_experiment = file.extension() == ".toml";
  for (const char* option : {"stage", "out"})
    if (!is_experiment && arguments.has(option))
      throw ConfigError(message("--", option, " is not read here: ", file.string(),
                                " is no experiment\n  remove it, or give a .toml file"));
  for (const char* option : {"columns", "format"})
    if (is_experiment && arguments.has(option))
      throw ConfigError(message("--", option, " is not read here\n  data = { ", option,
                                " = ... } of a stage says its own"));
  if (is_experiment && arguments.has("response-length"))
    throw ConfigError(
        "--response-length is not read here\n  a stage says its own; --set "
        "STAGE.response_length=N");
  if (is_experiment)
    inspect_stages(arguments, file);
  else
    std::cout << inspect_rows_file(arguments, file.string());
  return 0;
}

int run_export(const Arguments& arguments) {
  const std::filesystem::path run = arguments.positional.front();
  using Export = bool (*)(const std::filesystem::path&, const std::filesystem::path&);
  const std::pair<const char*, Export> exports[] = {
      {"csv", export_csv}, {"wandb", export_wandb_script}, {"mlflow", export_mlflow_script}};
  bool is_any = false;
  for (const auto& [name, write] : exports) {
    if (!arguments.has(name)) continue;
    is_any = true;
    const bool has_torn_line = write(run, arguments.value(name));
    std::cout << arguments.value(name)
              << (has_torn_line
                      ? ": written; the half-written last line of metrics.jsonl is left out\n"
                      : ": written\n");
  }
  if (!is_any)
    throw ConfigError(
        "lldm export: nothing to write\n  give --csv FILE, --wandb FILE or --mlflow FILE");
  return 0;
}

}  // namespace lldm::cli
