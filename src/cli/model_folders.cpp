// SPDX-License-Identifier: MIT
// lldm model init, inspect, export, merge, convert, diff.
#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/terminal.hpp"
#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/adapter_base.hpp"
#include "lldm/model/adapter_folder.hpp"
#include "lldm/model/conversion.hpp"
#include "lldm/model/folder_report.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/render/table.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/tokenizer/find.hpp"
#include "lldm/tokenizer/load.hpp"

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

fs::path new_folder(const Arguments& arguments) {
  if (!arguments.has("out")) throw ConfigError("no folder to write\n  give --out DIR");
  const fs::path out = arguments.value("out");
  if (fs::exists(out) && (!fs::is_directory(out) || !fs::is_empty(out)))
    throw ConfigError(message("--out ", out.string(), ": is there already\n  give a new folder"));
  return out;
}

constexpr std::array<std::pair<const char*, at::ScalarType>, 4> kStoredTypes = {
    {{"float32", at::kFloat},
     {"bfloat16", at::kBFloat16},
     {"float16", at::kHalf},
     {"float64", at::kDouble}}};

at::ScalarType stored_type(const std::string& name) {
  for (const auto& [known, type] : kStoredTypes)
    if (name == known) return type;
  throw ConfigError(
      message("--dtype got \"", name, "\"\n  legal: float32, bfloat16, float16, float64"));
}

/// What the folder's tensors are stored as; --dtype says otherwise.
SaveOptions save_options(const Arguments& arguments, const fs::path& from) {
  SaveOptions options{.metadata = {{"format", "pt"}}};
  if (arguments.has("dtype")) {
    options.dtype = stored_type(arguments.value("dtype"));
    return options;
  }
  const std::map<std::string, at::ScalarType> types = {
      {"F32", at::kFloat}, {"BF16", at::kBFloat16}, {"F16", at::kHalf}, {"F64", at::kDouble}};
  for (const auto& tensor : inspect_model_folder(from).tensors)
    if (const auto type = types.find(tensor.dtype); type != types.end())
      options.dtypes[tensor.name] = type->second;
  return options;
}

/// float64 for a folder that holds such numbers: float32 would narrow them.
std::shared_ptr<Transformer> load_widest(const fs::path& folder) {
  require_model_folder(folder);
  const auto counts = by_dtype(inspect_model_folder(folder));
  return load_transformer(folder, counts.contains("F64") ? at::kDouble : at::kFloat);
}

/// Files beside the weights that say how text becomes ids; config.json and the weights are written.
void copy_text_files(const fs::path& from, const fs::path& to) {
  for (const auto& entry : fs::directory_iterator(from)) {
    const auto name = entry.path().filename().string();
    const bool is_text = name.starts_with("tokenizer") || name.starts_with("chat_template") ||
                         name.starts_with("special_tokens_map") || name == "vocab.json" ||
                         name == "merges.txt" || name == "added_tokens.json" ||
                         name == "generation_config.json" || name == "lldm_tokenizer.json" ||
                         name == "template.toml" || name == "forward_process.toml";
    if (is_text && entry.is_regular_file())
      write_file_atomically(to / name, read_file(entry.path()));
  }
}

void save_beside(const Transformer& model, const fs::path& from, const fs::path& out,
                 const SaveOptions& options) {
  save_transformer(model, out, options);
  copy_text_files(from, out);
  std::cout << out.string() << ": " << model.config().family << ", "
            << model.config().num_parameters() << " parameters\n";
}

/// Gives a mask that the tokenizer's file does not hold a text, where such files name added tokens.
void name_mask(const fs::path& from, const fs::path& out, std::int64_t mask) {
  if (!has_tokenizer(from) || mask < load_tokenizer(from)->vocabulary_size()) return;
  constexpr const char* kText = "<|mask|>";
  const fs::path file = out / "tokenizer_config.json";
  nlohmann::ordered_json config = nlohmann::ordered_json::object();
  if (fs::exists(file)) config = nlohmann::ordered_json::parse(read_file(file));
  config["added_tokens_decoder"][std::to_string(mask)] = {
      {"content", kText}, {"lstrip", false},      {"normalized", false},
      {"rstrip", false},  {"single_word", false}, {"special", true}};
  config["mask_token"] = kText;
  write_file_atomically(file, config.dump(2) + "\n");
  std::cout << "the mask, id " << mask << ", is written " << kText << " (tokenizer_config.json)\n";
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

int run_model_export(const Arguments& arguments) {
  const fs::path from = arguments.positional.at(0), out = new_folder(arguments);
  const auto model = load_widest(from);
  save_beside(*model, from, out, save_options(arguments, from));
  return 0;
}

int run_model_merge(const Arguments& arguments) {
  const fs::path from = arguments.positional.at(0), out = new_folder(arguments);
  if (!arguments.has("adapter")) {
    if (!is_adapter_folder(from))
      throw ConfigError("lldm model merge: no adapter\n  give --adapter DIR");
    save_beside(*load_widest(from), from, out, save_options(arguments, from));
    return 0;
  }
  const fs::path adapter = arguments.value("adapter");
  if (fs::weakly_canonical(adapter).parent_path() == fs::weakly_canonical(from))
    throw ConfigError(message("--adapter ", adapter.string(), ": the weights of ", from.string(),
                              " hold its updates already\n  give the base that it was trained "
                              "beside"));
  if (is_adapter_folder(adapter)) require_adapter_base(adapter, from);
  const auto updates = load_adapter(adapter);
  const auto model = load_widest(from);
  merge_adapter(*model, updates, adapter);
  save_beside(*model, from, out, save_options(arguments, from));
  return 0;
}

int run_model_convert(const Arguments& arguments) {
  const fs::path from = arguments.positional.at(0), out = new_folder(arguments);
  const std::string mask = arguments.value("mask-id"), shift = arguments.value("shift", "keep");
  if (mask.empty())
    throw ConfigError(
        "lldm model convert: no mask token\n  give --mask-id ID, an id that no text "
        "uses, or --mask-id new");
  if (shift != "keep" && shift != "drop")
    throw ConfigError(message("--shift got \"", shift, "\"\n  legal: keep, drop"));
  const auto model = load_widest(from);
  if (const auto family = arguments.value("from", model->config().family);
      family != model->config().family)
    throw ConfigError(
        message("--from ", family, ": ", from.string(), " is a ", model->config().family));
  if (model->has_adapter())
    throw ConfigError(message(from.string(), ": is an adapter\n  lldm model merge ", from.string(),
                              " --out NEW makes a folder that can be converted"));
  if (model->config().mask_token)
    throw ConfigError(message(from.string(), ": has a mask token already, ",
                              *model->config().mask_token,
                              "\n  it is a masked model: use it as it is, or export it"));
  // "keep" is where the folder's own logits stand.
  ConversionOptions options{.shifted_logits = shift == "keep" && model->config().shifted_logits};
  if (mask != "new") options.mask_token = arguments.integer("mask-id", 0);
  if (has_tokenizer(from)) {
    // Ids of a tokenizer have no gaps.
    const std::int64_t next = load_tokenizer(from)->vocabulary_size();
    if (options.mask_token.value_or(model->config().embedding_rows()) > next)
      throw ConfigError(message("--mask-id ", mask, ": the folder's tokenizer has ", next,
                                " tokens, the embedding ", model->config().embedding_rows(),
                                " rows\n  give --mask-id ", next, ", the first unused one"));
  }
  const auto made = converted(*model, options);
  save_beside(*made, from, out, save_options(arguments, from));
  name_mask(from, out, *made->config().mask_token);
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
