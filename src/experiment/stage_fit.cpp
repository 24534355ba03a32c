// SPDX-License-Identifier: MIT
#include "lldm/experiment/stage_fit.hpp"

#include "experiment/input_checks.hpp"
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
