// SPDX-License-Identifier: MIT
#include "stage/kinds.hpp"

#include "lldm/config/document.hpp"
#include "lldm/config/options_check.hpp"
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

void add_rows(StageFacts& facts, const std::string& key, const DataRef& data, RowsWanted wanted,
              std::int64_t limit) {
  if (!data.is_given()) return;
  facts.rows.push_back({key, data, wanted, limit});
  if (!data.options.stage.empty()) facts.inputs.push_back(data.options.stage);
}

void check_pairs(const DataRef& pairs, config::OptionsCheck& check) {
  const Take take = pairs.options.take;
  if (take == Take::pairs || (take == Take::ranked && !pairs.options.stage.empty())) return;
  check.error("pairs",
              message("`pairs` reads two answers, take = ",
                      config::to_toml(pairs.resolved.find("take")->value), " gives others"),
              "remove take");
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
