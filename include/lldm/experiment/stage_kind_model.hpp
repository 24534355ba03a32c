// SPDX-License-Identifier: MIT
// AnyStageKind of a concrete kind: included where kinds are registered.
#pragma once

#include <nlohmann/json.hpp>

#include "lldm/concepts/any_stage_kind.hpp"
#include "lldm/experiment/stage.hpp"
#include "lldm/experiment/stage_plan.hpp"

namespace lldm {

template <class K>
struct AnyStageKind::Model final : Interface {
  using Options = typename K::Options;
  static const Options& typed(const void* options) { return *static_cast<const Options*>(options); }

  std::string_view name() const override { return K::name(); }
  std::string_view description() const override { return K::description(); }
  const std::vector<config::FieldInfo>& fields() const override {
    return config::fields<Options>();
  }
  config::Value defaults() const override { return K::defaults(); }
  std::vector<std::string> file_defaults(const config::Value* own) const override {
    return K::file_defaults(own);
  }
  std::vector<UnreadKey> unread(const config::Value& own) const override {
    if constexpr (SelectiveStageKind<K>)
      return K::unread(own);
    else
      return {};
  }
  std::shared_ptr<const void> read(const config::Value& table,
                                   const config::ReadContext& context) const override {
    auto options = std::make_shared<Options>();
    config::read_struct(table, *options, context);
    return options;
  }
  config::Value write(const void* options) const override {
    return config::write_options(typed(options));
  }
  StageFacts facts(const void* options) const override { return K::facts(typed(options)); }
  void check(const void* options, StageFit& fit) const override {
    if constexpr (CheckedStageKind<K>) K::check(typed(options), fit);
  }
  StagePlan plan(const void* options, const Experiment& experiment,
                 const Registry& registry) const override {
    if constexpr (PlannedStageKind<K>)
      return K::plan(typed(options), experiment, registry);
    else
      return {};
  }
  nlohmann::ordered_json run(const void* options, const RunContext& context,
                             const Work& work) const override {
    return K::run(typed(options), context, work);
  }
  const std::type_info& options_type() const override { return typeid(Options); }
};

template <StageKind K>
AnyStageKind AnyStageKind::of() {
  return AnyStageKind(std::make_shared<const Model<K>>());
}

}  // namespace lldm
