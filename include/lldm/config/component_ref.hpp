// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "lldm/config/role.hpp"
#include "lldm/config/value.hpp"

namespace lldm {

/// No further keys.
struct NoExtra {
  static constexpr auto describe() { return std::tuple{}; }
  bool operator==(const NoExtra&) const = default;
};

/// A member of an Options struct that is itself a component: `schedule = "linear"` or
/// `schedule = { type = "clipped", low = 0.1 }`.  Its options are checked where the file is
/// validated; `services.registry.make<AnyNoiseSchedule>(options.schedule, services)` makes it.
/// `Extra` are keys of the same table that belong to the holder ("weight" of a term in a sum).
template <Role R, class Extra = NoExtra>
struct ComponentRef {
  static constexpr Role kRole = R;
  using extra_type = Extra;

  config::Value table = {};  // with `type`, and its defaults once it was checked by a registry
  Extra extra = {};
  /// What a registry bound of `table` when it checked it, so that nobody binds it again; null: not
  /// checked yet.  Belongs to that registry.
  std::shared_ptr<const void> bound = {};

  ComponentRef() = default;
  ComponentRef(const char* name) { table.set("type", config::Value::string(name)); }

  [[nodiscard]] std::string_view type() const { return table.text_of("type"); }
  bool operator==(const ComponentRef& other) const {
    return table == other.table && extra == other.extra;
  }
};

}  // namespace lldm
