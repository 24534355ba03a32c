// SPDX-License-Identifier: MIT
#include "stage/fewer_copies.hpp"

#include <optional>

#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"

namespace lldm {
namespace {

/// Three quarters, a half, three eighths, a quarter, ... of a number, down to 1.
std::vector<std::int64_t> lowered(std::int64_t now) {
  std::vector<std::int64_t> values;
  for (std::int64_t half = now; half >= 1; half /= 2)
    for (const std::int64_t value : {3 * half / 4, half / 2})
      if (value >= 1 && value < (values.empty() ? now : values.back())) values.push_back(value);
  return values;
}

/// The estimator with one option changed; nothing where the options then contradict each other.
std::optional<AnyScoreEstimator> with(const ComponentRef<Role::score_estimator>& estimator,
                                      const std::string& key, std::int64_t value,
                                      const Services& services) {
  ComponentRef<Role::score_estimator> other;
  other.table = estimator.table;
  other.table.set(key, config::Value::integer(value));
  try {
    return services.registry.make<AnyScoreEstimator>(other, services);
  } catch (const ConfigError&) {
    return std::nullopt;
  }
}

}  // namespace

std::vector<FewerCopies> fewer_copies(
    const ComponentRef<Role::score_estimator>& estimator, std::int64_t canvas,
    const Services& services, const std::function<StepChoice(const AnyScoreEstimator&)>& cost) {
  std::vector<FewerCopies> list;
  const std::int64_t copies =
      services.registry.make<AnyScoreEstimator>(estimator, services).nominal_copies(canvas);
  for (const config::Member& option : estimator.table.as_table()) {
    if (!option.value.is_integer()) continue;
    const std::int64_t now = option.value.as_integer();
    std::int64_t before = copies;
    for (const std::int64_t value : lowered(now)) {
      const auto other = with(estimator, option.key, value, services);
      if (!other || other->nominal_copies(canvas) >= before) continue;
      before = other->nominal_copies(canvas);
      list.push_back({"score_estimator." + option.key, value, now, before, cost(*other)});
    }
  }
  return list;
}

}  // namespace lldm
