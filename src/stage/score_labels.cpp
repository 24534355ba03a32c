// SPDX-License-Identifier: MIT
#include "stage/score_labels.hpp"

#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"

namespace lldm {
namespace {

std::string plugin_text(const Registry& registry, Role role, std::string_view type) {
  const auto entry = registry.find(role, type);
  return entry && entry->origin.plugin != "lldm" ? message(" (plugin ", entry->origin.text(), ")")
                                                 : "";
}

/// The components inside a table, behind one another: terms, a wrapped estimator.
void add_inner(const Registry& registry, Role role, const config::Value& value, std::string& text) {
  if (value.is_array())
    for (const config::Value& element : value.as_array()) add_inner(registry, role, element, text);
  if (!value.is_table()) return;
  if (const std::string_view type = value.text_of("type"); !type.empty())
    text += message(text.empty() ? "\"" : ", \"", type, "\"", plugin_text(registry, role, type));
  for (const config::Member& member : value.as_table())
    add_inner(registry, role_from_text(member.key).value_or(role), member.value, text);
}

}  // namespace

std::string component_label(const Registry& registry, Role role, const config::Value& table) {
  const std::string_view type = table.text_of("type");
  std::string inner;
  for (const config::Member& member : table.as_table())
    add_inner(registry, role_from_text(member.key).value_or(role), member.value, inner);
  return message(role_name(role), " \"", type, "\"", plugin_text(registry, role, type),
                 inner.empty() ? "" : " (of " + inner + ")");
}

std::function<std::string(std::uint64_t)> row_label(const RunContext& run, const Work& work,
                                                    const config::Value& data) {
  if (const std::string_view file = data.text_of("file"); !file.empty())
    return [path = std::string(file)](std::uint64_t id) { return message(path, ":", id); };
  if (const std::string_view corpus = data.text_of("corpus"); !corpus.empty()) {
    const char* what = data.text_of("packing") == "isolated" ? ", text " : ", row ";
    return [path = std::string(corpus), what](std::uint64_t id) {
      return message(path, what, id + 1);
    };
  }
  if (const std::string_view stage = data.text_of("stage"); !stage.empty()) {
    const std::string_view take = data.text_of("take");
    const bool is_sampled = take == "samples" || take == "ranked";
    const auto path =
        run.folder_of(work, std::string(stage)) / (is_sampled ? "samples.jsonl" : "pairs.jsonl");
    // An id counts from 0 what is shown from 1.
    if (take == "ranked")
      return [path](std::uint64_t id) { return message(path.string(), " prompt ", id + 1); };
    return [path](std::uint64_t id) { return message(path.string(), ":", id + 1); };
  }
  return [task = std::string(data.text_of("generate"))](std::uint64_t id) {
    return message("row ", id + 1, " of task \"", task, "\"");
  };
}

std::string denoiser_label(const RunContext& run, const Work& work, const std::string& model) {
  const std::string& family = run.experiment(work).options.model.family;
  if (model.empty()) return message("denoiser \"", family, "\"");
  if (work.inputs.contains(model))
    return message("denoiser \"", family, "\" of stage \"", model, "\"");
  return message("denoiser of ", model);
}

}  // namespace lldm
