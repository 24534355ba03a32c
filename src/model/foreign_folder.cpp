// SPDX-License-Identifier: MIT
#include "model/foreign_folder.hpp"

#include <vector>

#include "lldm/config/value.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/adapter_base.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

bool has(const fs::path& folder, const char* name) {
  std::error_code ignored;
  return fs::exists(folder / name, ignored);
}

bool is_pickle_name(const fs::path& file) {
  for (const char* extension : {".bin", ".pt", ".pth", ".ckpt", ".pkl"})
    if (file.extension() == extension) return true;
  return false;
}

}  // namespace

void refuse_foreign_folder(const fs::path& folder) {
  const bool is_adapter = has(folder, "adapter_config.json") ||
                          has(folder, "adapter_model.safetensors") ||
                          has(folder, "adapter_model.bin");
  if (!is_adapter || has(folder, kAdapterBaseName) || has(folder, "model.safetensors") ||
      has(folder, "model.safetensors.index.json"))
    return;
  throw DataError(message(folder.string(),
                          ": is a PEFT adapter, not a whole model\n  add it to its base: lldm "
                          "model merge BASE --adapter ",
                          folder.string(), " --out NEW"));
}

std::string other_weights_hint(const fs::path& folder) {
  std::vector<std::string> pickles, tensors;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(folder, failure)) {
    const fs::path name = entry.path().filename();
    if (is_pickle_name(name)) pickles.push_back(name.string());
    if (name.extension() == ".safetensors") tensors.push_back(name.string());
  }
  std::ranges::sort(pickles);
  std::ranges::sort(tensors);
  std::string text;
  if (!pickles.empty())
    text += message("\n  ", config::in_quotes(pickles.front()),
                    " is a pickle, which can execute code: it is never read; convert it with "
                    "model.save_pretrained(folder, safe_serialization=True)");
  if (!tensors.empty())
    text += message("\n  it has ", config::in_quotes(tensors.front()),
                    ": rename it to model.safetensors if it is the whole model");
  return text;
}

std::string prefix_problem(std::string_view prefix, std::string_view example) {
  const std::string_view from =
      prefix == "module."      ? "DataParallel or DeepSpeed: save model.module instead of model"
      : prefix == "_orig_mod." ? "torch.compile: save model._orig_mod instead of model"
      : prefix == "base_model.model." ? "PEFT: save model.merge_and_unload() instead of model"
                                      : "a wrapper: save the model inside it";
  return message("every tensor's name begins with ", config::in_quotes(prefix), " (",
                 config::in_quotes(example), "), which comes from ", from);
}

}  // namespace lldm
