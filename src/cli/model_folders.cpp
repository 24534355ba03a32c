// SPDX-License-Identifier: MIT
// lldm model init, inspect, export, merge, diff.
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/terminal.hpp"
#include "cli/written_folder.hpp"
#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/adapter_base.hpp"
#include "lldm/model/adapter_folder.hpp"
#include "lldm/model/folder_report.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/render/table.hpp"
#include "lldm/storage/files.hpp"

namespace lldm::cli {
namespace {

namespace fs = std::filesystem;

std::string shape_of(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const auto size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

/// Number of tensors and bytes by dtype.
std::map<std::string, std::pair<std::int64_t, std::uint64_t>> by_dtype(const FolderReport& report) {
  std::map<std::string, std::pair<std::int64_t, std::uint64_t>> counts;
  for (const auto& tensor : report.tensors) {
    ++counts[tensor.dtype].first;
    counts[tensor.dtype].second += tensor.bytes;
  }
  return counts;
}

nlohmann::ordered_json json_of(const FolderReport& report) {
  const TransformerConfig& config = report.config;
  nlohmann::ordered_json json;
  json["family"] = config.family;
  json["parameters"] = config.num_parameters();
  json["bytes"] = report.bytes;
  if (!report.updates.empty()) {
    json["base"] = report.weights.string();
    for (const auto& update : report.updates)
      json["updates"][update.weight] = {{"rank", update.rank}, {"scale", update.scale}};
  }
  json["config"] = nlohmann::ordered_json::parse(model_config_json(config, ""));
  json["config"].erase("torch_dtype");
  json["shifted_logits"] = config.shifted_logits;
  for (const auto& [name, id] : {std::pair{"mask_token", config.mask_token},
                                 std::pair{"end_of_text_token", config.end_of_text_token},
                                 std::pair{"padding_token", config.padding_token}})
    json[name] = id ? nlohmann::ordered_json(*id) : nlohmann::ordered_json();
  json["files"] = report.files;
  for (const auto& tensor : report.tensors)
    json["tensors"][tensor.name] = {{"dtype", tensor.dtype},
                                    {"shape", tensor.shape},
                                    {"bytes", tensor.bytes},
                                    {"file", tensor.file}};
  json["complaints"] = report.complaints;
  return json;
}

std::string id_text(const std::optional<std::int64_t>& id) {
  return id ? std::to_string(*id) : "none";
}

void print_report(const FolderReport& report, bool with_tensors) {
  const TransformerConfig& c = report.config;
  std::cout << "family      " << c.family << (c.shifted_logits ? ", shifted logits" : "") << "\n"
            << "sizes       width " << c.width << ", layers " << c.layers << ", heads " << c.heads
            << " of " << c.head_width() << ", key heads " << c.kv_heads << ", MLP " << c.mlp_width
            << ", embedding rows " << c.embedding_rows() << ", longest text " << c.max_length
            << "\n"
            << "special ids mask " << id_text(c.mask_token) << ", end of text "
            << id_text(c.end_of_text_token) << ", padding " << id_text(c.padding_token) << "\n"
            << "parameters  " << c.num_parameters() << "\n"
            << "stored      " << report.tensors.size() << " tensors, " << bytes_text(report.bytes)
            << " in " << report.files.size() << (report.files.size() == 1 ? " file" : " files");
  if (!report.updates.empty()) std::cout << " of its base " << report.weights.string();
  for (const auto& [dtype, count] : by_dtype(report))
    std::cout << "; " << dtype << ": " << count.first << " tensors, " << bytes_text(count.second);
  std::cout << "\n";
  if (!report.updates.empty())
    std::cout << "adapter     updates of " << report.updates.size() << " matrices, rank "
              << report.updates.front().rank << ", scale " << report.updates.front().scale << "\n";
  if (with_tensors) {
    Table table;
    table.columns = {{"tensor", Align::left},
                     {"dtype", Align::left},
                     {"shape", Align::left},
                     {"bytes"},
                     {"file", Align::left}};
    for (const auto& tensor : report.tensors)
      table.rows.push_back({tensor.name, tensor.dtype, shape_of(tensor.shape),
                            std::to_string(tensor.bytes), tensor.file});
    std::cout << "\n" << text_table(table, terminal_width());
  }
  for (const auto& complaint : report.complaints) std::cout << "wrong: " << complaint << "\n";
}

}  // namespace

int run_model_inspect(const Arguments& arguments) {
  const fs::path folder = arguments.positional.at(0);
  require_model_folder(folder);
  const FolderReport report = inspect_model_folder(folder);
  const bool is_quantized = arguments.has("quantised") && report.complaints.empty();
  if (!arguments.has("json"))
    print_report(report, arguments.has("tensors"));
  else if (!is_quantized)
    std::cout << json_of(report).dump() << "\n";
  if (is_quantized) print_storage_errors(arguments, folder);
  return report.complaints.empty() ? 0 : 2;
}

/// An adapter that was trained beside other numbers than those that it is added to.
void note_trained_storage(const fs::path& adapter) {
  const Precision trained = trained_precision(adapter);
  if (trained.storage == WeightStorage::plain && trained.compute != at::kBFloat16 &&
      trained.compute != at::kHalf)
    return;
  std::cerr << "note: " << adapter.string()
            << " was trained beside weights in a narrower [model] storage or dtype ("
            << kAdapterBaseName
            << "); it is added to the numbers of the base's files, so logits are not those of "
               "training\n";
}

int run_model_export(const Arguments& arguments) {
  const fs::path from = arguments.positional.at(0), out = new_folder(arguments);
  note_trained_storage(from);
  const auto model = load_widest(from);
  save_beside(*model, from, out, save_options(arguments, from));
  return 0;
}

int run_model_merge(const Arguments& arguments) {
  const fs::path from = arguments.positional.at(0), out = new_folder(arguments);
  if (!arguments.has("adapter")) {
    if (!is_adapter_folder(from))
      throw ConfigError("lldm model merge: no adapter\n  give --adapter DIR");
    note_trained_storage(from);
    save_beside(*load_widest(from), from, out, save_options(arguments, from));
    return 0;
  }
  const fs::path adapter = arguments.value("adapter");
  if (fs::weakly_canonical(adapter).parent_path() == fs::weakly_canonical(from))
    throw ConfigError(message("--adapter ", adapter.string(), ": the weights of ", from.string(),
                              " hold its updates already\n  give the base that it was trained "
                              "beside"));
  if (is_adapter_folder(adapter)) require_adapter_base(adapter, from);
  note_trained_storage(adapter);
  const auto updates = load_adapter(adapter);
  const auto model = load_widest(from);
  merge_adapter(*model, updates, adapter);
  save_beside(*model, from, out, save_options(arguments, from));
  return 0;
}

int run_model_init(const Arguments& arguments) {
  const fs::path out = new_folder(arguments);
  config::Diagnostics diagnostics;
  config::Value table;
  table.set("family", config::Value::string(arguments.positional.at(0)));
  config::apply_overrides(table, {.overrides = arguments.values("set"), .top_level_keys = {}},
                          diagnostics);
  diagnostics.throw_if_any();
  const auto options = config::read_options<ModelOptions>(table, diagnostics, "[model]");
  diagnostics.throw_if_any();
  if (!options.path.empty() || options.adapter.type != AdapterType::none)
    throw ConfigError("lldm model init makes fresh weights: no path, no adapter");
  if (!arguments.has("tokens"))
    throw ConfigError("lldm model init: no vocabulary\n  give --tokens N");
  const ModelTokens tokens{.vocabulary_size = arguments.integer("tokens", 0, 1, 1 << 24)};
  const auto model = make_model(options, tokens, Draws(arguments.integer("seed", 42), "init"));
  const auto& transformer = dynamic_cast<const Transformer&>(*model);
  save_transformer(transformer, out, {.metadata = {{"format", "pt"}}});
  std::cout << out.string() << ": " << transformer.config().family << ", "
            << transformer.config().num_parameters() << " parameters\n";
  return 0;
}

int run_model_diff(const Arguments& arguments) {
  const FolderDifference difference =
      compare_model_folders(arguments.positional.at(0), arguments.positional.at(1));
  bool is_equal = true;
  const auto say = [&](const char* what, const std::vector<std::string>& lines) {
    for (const auto& line : lines) std::cout << what << line << "\n";
    is_equal = is_equal && lines.empty();
  };
  say("config.json: ", difference.config);
  say("only in the first: ", difference.only_in_first);
  say("only in the second: ", difference.only_in_second);
  say("other shape: ", difference.other_shape);
  Table table;
  table.columns = {{"tensor", Align::left}, {"largest"}, {"root mean square"}, {"differing"}};
  for (const auto& tensor : difference.tensors)
    if (tensor.differing > 0)
      table.rows.push_back({tensor.name, rounded_text(tensor.largest),
                            rounded_text(tensor.root_mean_square),
                            message(tensor.differing, " of ", tensor.numbers)});
  if (!table.rows.empty()) std::cout << text_table(table, terminal_width());
  is_equal = is_equal && table.rows.empty();
  std::cout << (is_equal ? "equal: " : "") << difference.tensors.size() - table.rows.size()
            << " tensors are equal\n";
  return is_equal ? 0 : 1;
}

}  // namespace lldm::cli
