// SPDX-License-Identifier: MIT
#include "lldm/experiment/stage_fit.hpp"

#include "experiment/input_checks.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"

namespace lldm {

const config::Member* StageFit::given(std::string_view key) const {
  return table_ ? table_->find(key) : nullptr;
}

void StageFit::error(std::string_view key, std::string_view what, std::string_view hint) const {
  const config::Member* member = given(key);
  diagnostics_.error(member ? member->position : stage.position,
                     message("stage \"", stage.name, "\": ", what), std::string(hint));
}

namespace {

/// "stage \"x\" is a synthesize stage".
std::string kind_of(const Stage& stage) {
  return message("stage \"", stage.name, "\" is a stage of kind ", stage.kind.name());
}

}  // namespace

void StageFit::require_model(std::string_view key, const std::string& name) const {
  const Stage* made = experiment.find(name);
  if (!made || made->facts.product == StageProduct::unknown ||
      made->facts.product == StageProduct::model)
    return;
  std::string models;
  for (const Stage& other : experiment.stages)
    if (other.facts.product == StageProduct::model)
      models += (models.empty() ? "" : ", ") + other.name;
  error(key, message(kind_of(*made), ": it makes no model"),
        models.empty() ? "name a model folder" : "stages that make one: " + models);
}

void StageFit::check_rows(const StageRows& rows) const {
  const DataOptions& data = rows.data.options;
  const Stage* made = experiment.find(data.stage);
  if (!made || made->facts.product == StageProduct::unknown) return;
  const bool has_samples = made->facts.product == StageProduct::sampled_pairs;
  if (!has_samples && made->facts.product != StageProduct::pairs)
    return error(rows.key, message(kind_of(*made), ": it makes no pairs"),
                 "name a synthesize stage");
  if (!has_samples && (data.take == Take::samples || data.take == Take::ranked))
    error(rows.key,
          message("take = ", config::to_toml(rows.data.resolved.find("take")->value), ": stage \"",
                  made->name, "\" samples nothing, it has pairs alone"),
          "read its pairs, or make them with method = \"sample\"");
}

void StageFit::check_canvas(std::string_view key, ResponseLength response_length,
                            const std::string& from) const {
  if (!response_length) return;
  const std::optional<std::int64_t> longest = longest_text(experiment, from);
  if (!longest || *response_length < *longest) return;
  const std::filesystem::path folder = root_folder(experiment, from);
  error(key, message("response_length = ", *response_length, " leaves no room for a prompt"),
        folder.empty() ? message("[model] max_length is ", *longest)
                       : message("the longest text of ", folder.string(), " is ", *longest));
}

}  // namespace lldm
