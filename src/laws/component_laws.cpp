// SPDX-License-Identifier: MIT
#include "lldm/laws/component_laws.hpp"

#include <algorithm>
#include <any>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/laws/commit_rule_laws.hpp"
#include "lldm/laws/forward_process_laws.hpp"
#include "lldm/laws/noise_schedule_laws.hpp"
#include "lldm/laws/objective_laws.hpp"
#include "lldm/laws/sampler_laws.hpp"
#include "lldm/laws/score_estimator_laws.hpp"
#include "lldm/laws/task_laws.hpp"
#include "lldm/plugin/loader.hpp"
#include "lldm/services.hpp"

namespace lldm::laws {
namespace {

constexpr std::int64_t kClean = 10;

/// Ids of one letter each, and the special tokens behind them.
class LawTokenizer final : public Tokenizer {
 public:
  LawTokenizer(std::int64_t vocabulary, const SpecialTokens& special)
      : vocabulary_(vocabulary), special_(special) {}
  [[nodiscard]] std::vector<std::int64_t> encode(std::string_view text,
                                                 SpecialText) const override {
    std::vector<std::int64_t> ids;
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c) % kClean);
    return ids;
  }
  [[nodiscard]] std::string decode(std::span<const std::int64_t> ids, bool) const override {
    std::string text;
    for (const std::int64_t id : ids)
      if (id < kClean) text += static_cast<char>('0' + id);
    return text;
  }
  [[nodiscard]] std::int64_t vocabulary_size() const override { return vocabulary_; }
  [[nodiscard]] const SpecialTokens& special() const override { return special_; }
  [[nodiscard]] std::string_view type() const override { return "laws"; }
  void save(const std::filesystem::path&) const override {
    throw Error("the tokenizer of the laws cannot be saved");
  }
  [[nodiscard]] std::string fingerprint() const override { return "laws"; }

 private:
  std::int64_t vocabulary_;
  SpecialTokens special_;
};

std::shared_ptr<const Tokenizer> tokenizer_for(Role role) {
  if (role == Role::score_estimator)
    return std::make_shared<LawTokenizer>(4, SpecialTokens{.mask = 3});
  return std::make_shared<LawTokenizer>(
      kClean + 3, SpecialTokens{.mask = 12, .end_of_text = 10, .end_of_turn = 11});
}

struct Setting {
  std::string component, key, value;  // component: "" for all
};

Setting setting_of(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw ConfigError("--set \"" + text +
                      "\" has no value\n  write KEY=VALUE or COMPONENT.KEY=VALUE");
  const std::string path = text.substr(0, equals), value = text.substr(equals + 1);
  const auto dot = path.find('.');
  if (dot == std::string::npos) return {"", path, value};
  return {path.substr(0, dot), path.substr(dot + 1), value};
}

/// The keys of a component or kind of stage.
struct Keys {
  std::string_view component;
  const std::vector<config::FieldInfo>& fields;

  [[nodiscard]] bool read(const Setting& setting) const {
    return (setting.component.empty() || setting.component == component) &&
           std::ranges::any_of(fields, [&](const auto& field) { return field.key == setting.key; });
  }
};

/// Lays the settings on `table`; ConfigError if a key without default is still missing.
void give(config::Value& table, const Keys& keys, const std::vector<std::string>& settings) {
  config::Diagnostics diagnostics;
  for (const std::string& text : settings)
    if (const Setting setting = setting_of(text); keys.read(setting))
      table.set(setting.key, config::parse_override_value(setting.value, {}, diagnostics));
  diagnostics.throw_if_any();
  std::string missing, gives;
  for (const auto& field : keys.fields)
    if (field.is_required && !table.find(field.key)) {
      missing += message(missing.empty() ? "" : ", ", config::in_quotes(field.key));
      gives += message(" --set ", keys.component, ".", field.key, "=VALUE");
    }
  if (!missing.empty()) throw ConfigError(message(missing, " has no default\n  give", gives));
}

}  // namespace

std::string component_name(const Entry& entry) {
  return message(role_name(entry.role), " ", config::in_quotes(entry.name));
}

std::string component_name(const AnyStageKind& kind) {
  return message("stage ", config::in_quotes(kind.name()));
}

void check_settings(const LoadedPlugin& plugin, const std::vector<std::string>& settings) {
  std::vector<Keys> all;
  for (const auto& entry : plugin.entries) all.push_back({entry->name, entry->fields});
  for (const AnyStageKind& kind : plugin.stage_kinds) all.push_back({kind.name(), kind.fields()});
  for (const std::string& text : settings) {
    const Setting setting = setting_of(text);
    if (std::ranges::any_of(all, [&](const Keys& keys) { return keys.read(setting); })) continue;
    std::string known;
    for (const Keys& keys : all)
      for (const auto& field : keys.fields)
        known += message(known.empty() ? "" : ", ", keys.component, ".", field.key);
    throw ConfigError("--set \"" + text + "\": no component of the plugin has that key\n  keys: " +
                      (known.empty() ? "none" : known));
  }
}

config::Value component_table(const Registry& registry, const Entry& entry,
                              const std::vector<std::string>& settings) {
  config::Value table = config::Value::table({});
  table.set("type", config::Value::string(entry.name));
  give(table, {entry.name, entry.fields}, settings);
  return registry.bind_or_throw(entry.role, table, {}).table;
}

config::Value stage_table(const AnyStageKind& kind, const std::vector<std::string>& settings) {
  config::Value table = config::Value::table({});
  table.set("name", config::Value::string("laws"));
  table.set("kind", config::Value::string(std::string(kind.name())));
  give(table, {kind.name(), kind.fields()}, settings);
  return table;
}

std::vector<Law> component_laws(const Registry& registry, const Entry& entry,
                                const config::Value& table) {
  const std::shared_ptr<const Tokenizer> tokenizer = tokenizer_for(entry.role);
  const Services services{registry, Draws(1, "laws"), tokenizer};
  const BoundComponent bound = registry.bind_or_throw(entry.role, table, {});
  switch (entry.role) {
    case Role::forward_process:
      return forward_process_laws(registry.make<AnyForwardProcess>(bound, services),
                                  tokenizer->vocabulary_size(), kClean);
    case Role::noise_schedule:
      return noise_schedule_laws(registry.make<AnyNoiseSchedule>(bound, services));
    case Role::score_estimator:
      return score_estimator_laws(registry.make<AnyScoreEstimator>(bound, services));
    case Role::objective:
      return objective_laws(registry.make<AnyObjective>(bound, services));
    case Role::sampler:
      return sampler_laws(registry.make<AnySampler>(bound, services), tokenizer->vocabulary_size(),
                          tokenizer->special().mask);
    case Role::remasking:
      return commit_rule_laws(registry.make<AnyCommitRule>(bound, services));
    case Role::task:
      return task_laws(registry.make<AnyTask>(bound, services));
  }
  throw Error(message("there are no laws for the role ", role_name(entry.role)));
}

}  // namespace lldm::laws
