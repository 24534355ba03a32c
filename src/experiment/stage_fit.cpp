// SPDX-License-Identifier: MIT
#include "lldm/experiment/stage_fit.hpp"

#include "lldm/errors.hpp"

namespace lldm {

void StageFit::error(std::string_view key, std::string_view what, std::string_view hint) const {
  const config::Member* member = table_ ? table_->find(key) : nullptr;
  diagnostics_.error(member ? member->position : stage.position,
                     message("stage \"", stage.name, "\": ", what), std::string(hint));
}

void StageFit::check_canvas(const config::Value& response_length) const {
  const ModelOptions& model = experiment.options.model;
  if (!response_length.is_integer() || !model.path.empty()) return;
  if (response_length.as_integer() >= model.max_length)
    error(
        "response_length",
        message("response_length = ", response_length.as_integer(), " leaves no room for a prompt"),
        message("[model] max_length is ", model.max_length));
}

}  // namespace lldm
