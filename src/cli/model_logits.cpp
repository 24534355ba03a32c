// SPDX-License-Identifier: MIT
// lldm model logits.
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/id_lists.hpp"
#include "cli/terminal.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/adapter_base.hpp"
#include "lldm/model/adapter_folder.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/model/safetensors.hpp"
#include "model/processor.hpp"
#include "storage/json_file.hpp"

namespace lldm::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// One text: its ids and, unless all are seen, which of them the others see.
struct IdRow {
  std::vector<std::int64_t> ids, visible;
};

std::vector<IdRow> rows_of(const fs::path& file, std::int64_t num_ids) {
  const json values = load_json(file);
  const bool is_object = values.is_object();
  if (is_object && !values.contains("input_ids"))
    throw DataError(file.string() + ": has no \"input_ids\"");
  const auto ids = id_lists(is_object ? values["input_ids"] : values,
                            file.string() + (is_object ? ": input_ids" : ""));
  std::vector<std::vector<std::int64_t>> masks;
  if (is_object && values.contains("attention_mask") && !values["attention_mask"].is_null())
    masks = id_lists(values["attention_mask"], file.string() + ": attention_mask");
  std::vector<IdRow> rows;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    for (std::size_t k = 0; k < ids[i].size(); ++k)
      if (ids[i][k] < 0 || ids[i][k] >= num_ids)
        throw DataError(message(file.string(), ": text ", i, ", place ", k, ": id ", ids[i][k],
                                " is none of the model's ", num_ids));
    if (!masks.empty() && (masks.size() != ids.size() || masks[i].size() != ids[i].size()))
      throw DataError(message(file.string(), ": attention_mask has not the shape of input_ids"));
    if (!masks.empty() &&
        std::ranges::any_of(masks[i], [](std::int64_t seen) { return seen != 0 && seen != 1; }))
      throw DataError(
          message(file.string(), ": text ", i, ": attention_mask holds other than 0, 1"));
    if (!masks.empty() && std::ranges::count(masks[i], 0) == std::ssize(masks[i]))
      throw DataError(message(file.string(), ": text ", i, ": attention_mask hides every token"));
    rows.push_back({ids[i], masks.empty() ? std::vector<std::int64_t>() : masks[i]});
  }
  return rows;
}

/// [L, columns that the head has].
at::Tensor logits_of(const Transformer& model, const IdRow& row) {
  PackedTokens batch;
  batch.tokens = at::tensor(row.ids, at::kLong);
  batch.offsets = {0, static_cast<std::int64_t>(row.ids.size())};
  if (!row.visible.empty()) batch.visible = at::tensor(row.visible, at::kLong).ne(0);
  return model.logits(model.raw_hidden(batch)).narrow(1, 0, model.config().logit_columns);
}

/// An option that a key of [model] has the same choices for.
template <class T>
T choice_of(const Arguments& arguments, const std::string& option, const char* fallback) {
  const std::string name = arguments.value(option, fallback);
  std::string known;
  for (const auto& choice : choices(std::type_identity<T>())) {
    if (name == choice.name) return choice.value;
    known += (known.empty() ? "" : ", ") + std::string(choice.name);
  }
  throw ConfigError(message("--", option, " got \"", name, "\"\n  runnable: ", known));
}

/// What is asked for; of an adapter's folder what it was trained with, where nothing is.
Precision precision_of(const Arguments& arguments, const fs::path& folder) {
  if (!arguments.has("dtype") && !arguments.has("storage")) return trained_precision(folder);
  ModelOptions options;
  options.dtype = choice_of<ModelDtype>(arguments, "dtype", "float32");
  options.storage = choice_of<WeightStorage>(arguments, "storage", "float32");
  return lldm::precision_of(options);
}

}  // namespace

int run_model_logits(const Arguments& arguments) {
  for (const char* option : {"ids", "out"})
    if (!arguments.has(option))
      throw ConfigError(message("lldm model logits: --", option, " FILE is missing"));
  const fs::path folder = arguments.positional.at(0);
  require_model_folder(folder);
  const Precision precision = precision_of(arguments, folder);
  const at::Device device(device_of(arguments));
  if (const std::string note = emulation_note(precision, device); !note.empty())
    std::cerr << "note: " << note << "\n";
  const auto model = load_transformer(folder, precision, device);
  // Beside the weights, as a model with an adapter is loaded everywhere: the same bits.
  if (arguments.has("adapter")) {
    const fs::path adapter = arguments.value("adapter");
    if (is_adapter_folder(adapter)) require_adapter_base(adapter, folder);
    model->set_adapter(load_adapter(adapter), adapter.string());
    const Precision trained = trained_precision(adapter);
    if (is_adapter_folder(adapter) &&
        (trained.storage != precision.storage || trained.compute != precision.compute))
      std::cerr << "note: " << adapter.string()
                << " was trained beside weights in another storage or dtype (" << kAdapterBaseName
                << "): --storage and --dtype give its numbers\n";
  }
  const auto rows = rows_of(arguments.value("ids"), model->vocabulary_size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (std::ssize(rows[i].ids) > model->config().max_length)
      throw DataError(message(arguments.value("ids"), ": text ", i, " has ", rows[i].ids.size(),
                              " tokens, the model takes ", model->config().max_length));
  const c10::NoGradGuard no_gradient;
  std::vector<at::Tensor> logits;
  bool is_even = true;
  for (const auto& row : rows) {
    logits.push_back(logits_of(*model, row));
    is_even &= row.ids.size() == rows.front().ids.size();
  }
  TensorMap out;
  if (is_even) out["logits"] = at::stack(logits);
  for (std::size_t i = 0; !is_even && i < logits.size(); ++i)
    out[message("logits.", i)] = logits[i].contiguous();
  save_safetensors(arguments.value("out"), out);
  std::cout << arguments.value("out") << ": logits of " << rows.size()
            << (rows.size() == 1 ? " text\n" : " texts\n");
  return 0;
}

}  // namespace lldm::cli
