// SPDX-License-Identifier: MIT
#include "experiment/input_checks.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>

#include "data/line_reader.hpp"
#include "experiment/key_readings.hpp"
#include "lldm/concepts/any_task.hpp"
#include "lldm/config/document.hpp"
#include "lldm/data/chat_template.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/adapter_base.hpp"
#include "lldm/model/folder_report.hpp"
#include "lldm/model/model.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/tokenizer/find.hpp"
#include "lldm/tokenizer/load.hpp"
#include "model/foreign_folder.hpp"
#include "storage/input_file.hpp"
#include "storage/sealed_folder.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

/// Rows of a file, at most `most`; nothing if it holds no JSON Lines, which is told where files are
/// looked at.
std::optional<std::int64_t> count_lines(const fs::path& file, std::int64_t most) {
  std::int64_t count = 0;
  try {
    data::LineReader lines(file, RowReaderOptions{}.max_line_bytes);
    while (count < most && lines.next()) ++count;
  } catch (const Error&) {
    return std::nullopt;
  }
  return count;
}

bool is_there(const fs::path& path) {
  std::error_code failure;
  return fs::exists(path, failure);
}

}  // namespace

fs::path root_folder(const Experiment& experiment, std::string from) {
  for (std::size_t hops = 0; hops <= experiment.stages.size(); ++hops) {
    if (from.empty()) return experiment.options.model.path;
    if (from.find('/') != std::string::npos) return from;
    const Stage* stage = experiment.find(from);
    if (!stage || !stage->facts.training) return {};
    from = stage->facts.from;
  }
  return {};
}

std::optional<std::int64_t> longest_text(const Experiment& experiment, const std::string& from) {
  const ModelOptions& model = experiment.options.model;
  const fs::path folder = root_folder(experiment, from);
  if (folder.empty()) return model.max_length > 0 ? model.max_length : kFreshMaxLength;
  try {
    if (is_there(folder / "config.json"))
      return load_model_shape(folder, length_limit(experiment)).max_length;
  } catch (const Error&) {  // told where files are looked at
    return std::nullopt;
  }
  return model.max_length > 0 ? std::optional(model.max_length) : std::nullopt;
}

std::optional<std::int64_t> RowCounts::items(const ComponentRef<Role::task>& task) {
  if (const auto* own = task.table.find("rows"); own && own->value.is_integer())
    return own->value.as_integer();
  try {
    const auto made = registry_.make<AnyTask>(task, services_);
    return static_cast<std::int64_t>(made.examples().size());
  } catch (const Error&) {  // told where files are looked at
    return std::nullopt;
  }
}

std::optional<std::int64_t> RowCounts::count(const Experiment& experiment, const DataRef& bound,
                                             std::int64_t most) {
  std::optional<std::int64_t> rows;
  if (!bound.options.stage.empty()) {
    const Stage* maker = experiment.find(bound.options.stage);
    if (!maker || maker->facts.items.size() != 1) return std::nullopt;
    const StageItems& made_of = maker->facts.items.front();
    rows = items(made_of.task);
    if (rows && made_of.limit > 0) rows = std::min(*rows, made_of.limit);
    if (rows) *rows *= maker->facts.rows_per_item;
  } else if (bound.is_generated()) {
    rows = items(bound.task);
  } else if (fs::is_regular_file(bound.options.file)) {
    rows = count_lines(bound.options.file, most);
  }
  if (!rows) return std::nullopt;
  return bound.options.limit > 0 ? std::min(*rows, bound.options.limit) : *rows;
}

std::string RowCounts::problem(const Experiment& experiment, const StageFacts& stage) {
  if (!stage.training || stage.rows.empty()) return "";
  const StageTraining& training = *stage.training;
  const OptimizerOptions& optimizer = training.optimizer;
  const DataRef& data = stage.rows.front().data;
  constexpr double kMostRows = 1e15;  // beyond any file
  const auto for_a_step =
      optimizer.epochs > 0
          ? static_cast<std::int64_t>(std::ceil(std::min(0.5 / optimizer.epochs, kMostRows)))
          : 1;
  const std::int64_t wanted = training.validation_rows + std::max<std::int64_t>(1, for_a_step);
  if (wanted < 2) return "";  // a source without a row is told where it is read
  const Stage* maker = experiment.find(data.options.stage);
  const std::string key = message(wanted, " ", config::to_toml(data.resolved),
                                  maker ? config::to_toml(maker->resolved) : "");
  const auto [found, is_new] = known_.try_emplace(key, std::nullopt);
  if (is_new) found->second = count(experiment, data, wanted);
  if (!found->second || *found->second >= wanted) return "";
  const std::int64_t rows = *found->second;
  if (training.validation_rows >= rows)
    return message("validation_rows = ", training.validation_rows, " leaves none of the ",
                   maker ? "at most " : "", rows, " rows", maker ? " of stage " : "",
                   maker ? config::in_quotes(maker->name) : "", " to train on");
  return message("epochs = ", optimizer.epochs, " of ", maker ? "at most " : "",
                 rows - training.validation_rows, " row(s) come to no step");
}

void check_special(const Tokenizer& tokenizer, const fs::path& folder) {
  const SpecialTokens& special = tokenizer.special();
  if (special.mask >= 0 && special.end_of_text >= 0) return;
  const char* what = special.mask < 0 ? "mask" : "end-of-text";
  if (folder.empty())
    throw ConfigError(
        message("[tokenizer]: the tokenizer needs a mask and an end-of-text token, "
                "and has no ",
                what, " token", "\n  name them: mask_token, end_of_text_token in [tokenizer]"));
  throw DataError(message(folder.string(), ": no file names the ", what, " token",
                          "\n  name it where its tokenizer stands: mask_token_id, eos_token_id of "
                          "config.json, or mask_token, eos_token of special_tokens_map.json"));
}

namespace {

/// DataError where the headers of the weights are not those that config.json asks for.
void require_weights(const fs::path& folder) {
  constexpr std::size_t kMostListed = 5;
  const std::vector<std::string> complaints = with_remedy(folder, [&] {
    try {
      return inspect_model_folder(folder).complaints;
    } catch (const DataError&) {
      SealedFolder(folder).explain();  // where a manifest says which file is not what was written
      throw;
    }
  });
  if (complaints.empty()) return;
  std::string text = message(folder.string(), ": the weights are not those of config.json");
  for (std::size_t i = 0; i < std::min(complaints.size(), kMostListed); ++i)
    text += "\n  " + complaints[i];
  if (complaints.size() > kMostListed)
    text += message("\n  and ", complaints.size() - kMostListed, " more");
  throw DataError(text);
}

}  // namespace

std::vector<FileProblem> folder_problems(const fs::path& folder, const TokenizerOptions& options,
                                         const std::vector<std::string>& tokenizer_keys,
                                         bool names_template) {
  std::vector<FileProblem> problems;
  const auto missing = [&](const char* what) {
    problems.push_back({message(folder.string(), ": has no ", what), true});
  };
  const auto tried = [&](const auto& read) {
    try {
      read();
    } catch (const Error& error) {
      problems.push_back({error.what(), false});
    }
  };
  if (!is_there(folder / "config.json")) {
    try {
      refuse_foreign_folder(folder);
    } catch (const DataError& foreign) {
      return {{foreign.what(), false}};
    }
    missing("config.json");
  } else
    tried([&] { static_cast<void>(load_model_shape(folder)); });
  if (is_adapter_folder(folder))
    tried([&] { require_weights(folder); });
  else if (!is_there(folder / "model.safetensors") &&
           !is_there(folder / "model.safetensors.index.json") &&
           !is_there(folder / "pytorch_model.bin"))  // which loading refuses by name
    missing("model.safetensors");
  else if (is_there(folder / "config.json"))
    tried([&] { require_weights(folder); });
  if (!has_tokenizer(folder))
    missing("tokenizer (lldm_tokenizer.json, tokenizer.json, or another of docs/tokenizers.md)");
  else
    tried([&] {
      check_special(*(tokenizer_keys.empty() ? load_tokenizer(folder)
                                             : load_tokenizer(folder, options, tokenizer_keys)),
                    folder);
    });
  if (!names_template && !is_there(folder / "template.toml"))
    tried([&] { static_cast<void>(known_chat_template(folder)); });
  return problems;
}

}  // namespace lldm
