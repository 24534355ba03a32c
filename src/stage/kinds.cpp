// SPDX-License-Identifier: MIT
#include "stage/kinds.hpp"

#include "lldm/experiment/stage_kind_model.hpp"
#include "lldm/registry/registration.hpp"

namespace lldm {

config::Value component_table(std::string_view type,
                              std::initializer_list<std::pair<const char*, config::Value>> keys) {
  config::Value table;
  table.set("type", config::Value::string(std::string(type)));
  for (const auto& [key, value] : keys) table.set(key, value);
  return table;
}

void add_rows(StageFacts& facts, const std::string& key, const DataRef& data, RowsWanted wanted) {
  if (!data.is_given()) return;
  facts.rows.push_back({key, data, wanted});
  if (!data.options.stage.empty()) facts.inputs.push_back(data.options.stage);
}

void register_stage_kinds(Registry& registry) {
  registry.add<PretrainingKind>()
      .add<SftKind>()
      .add<SynthesizeKind>()
      .add<PreferenceKind>()
      .add<EvaluateKind>()
      .add<SampleKind>()
      .add<StudyKind>();
}

}  // namespace lldm
