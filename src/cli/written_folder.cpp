// SPDX-License-Identifier: MIT
#include "cli/written_folder.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <map>

#include "cli/terminal.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/folder_report.hpp"
#include "lldm/storage/files.hpp"

namespace lldm::cli {
namespace {

namespace fs = std::filesystem;

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

}  // namespace

fs::path new_folder(const Arguments& arguments) {
  if (!arguments.has("out")) throw ConfigError("no folder to write\n  give --out DIR");
  const fs::path out = arguments.value("out");
  if (fs::exists(out) && (!fs::is_directory(out) || !fs::is_empty(out)))
    throw ConfigError(message("--out ", out.string(), ": is there already\n  give a new folder"));
  return out;
}

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

std::shared_ptr<Transformer> load_widest(const fs::path& folder) {
  require_model_folder(folder);
  const auto tensors = inspect_model_folder(folder).tensors;
  const bool is_double =
      std::ranges::any_of(tensors, [](const auto& tensor) { return tensor.dtype == "F64"; });
  return load_transformer(folder, is_double ? at::kDouble : at::kFloat);
}

void save_beside(const Transformer& model, const fs::path& from, const fs::path& out,
                 const SaveOptions& options) {
  save_transformer(model, out, options);
  copy_text_files(from, out);
  std::cout << out.string() << ": " << model.config().family << ", "
            << model.config().num_parameters() << " parameters\n";
}

}  // namespace lldm::cli
