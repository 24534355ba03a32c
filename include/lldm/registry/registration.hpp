// SPDX-License-Identifier: MIT
// `registry.add<C>()`: from a class to an Entry.  Thin: everything else is compiled once in the
// library.
#pragma once

#include <any>
#include <concepts>
#include <memory>
#include <string>

#include "lldm/concepts/any_commit_rule.hpp"
#include "lldm/concepts/any_forward_process.hpp"
#include "lldm/concepts/any_noise_schedule.hpp"
#include "lldm/concepts/any_objective.hpp"
#include "lldm/concepts/any_sampler.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/concepts/any_task.hpp"
#include "lldm/concepts/component.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/registry/registry.hpp"

namespace lldm {

namespace detail {

template <Role R, class Any>
struct RoleTag {
  static constexpr Role role = R;
  using any_type = Any;
};

/// The role whose concept C satisfies.
template <class C>
constexpr auto role_of() {
  constexpr int matches = ForwardProcess<C> + NoiseSchedule<C> + ScoreEstimator<C> + Objective<C> +
                          CommitRule<C> + Sampler<C> + Task<C>;
  static_assert(matches != 0, "lldm: C satisfies the concept of no role, see lldm/concepts/");
  static_assert(matches < 2, "lldm: C satisfies the concepts of several roles; split it");
  if constexpr (ForwardProcess<C>) {
    return RoleTag<Role::forward_process, AnyForwardProcess>{};
  } else if constexpr (NoiseSchedule<C>) {
    return RoleTag<Role::noise_schedule, AnyNoiseSchedule>{};
  } else if constexpr (ScoreEstimator<C>) {
    return RoleTag<Role::score_estimator, AnyScoreEstimator>{};
  } else if constexpr (Objective<C>) {
    return RoleTag<Role::objective, AnyObjective>{};
  } else if constexpr (Sampler<C>) {
    return RoleTag<Role::sampler, AnySampler>{};
  } else if constexpr (CommitRule<C>) {
    return RoleTag<Role::remasking, AnyCommitRule>{};
  } else {
    return RoleTag<Role::task, AnyTask>{};
  }
}

template <class C>
std::shared_ptr<const void> read_component_options(const config::Value& table,
                                                   const config::ReadContext& context) {
  auto options = std::make_shared<typename C::Options>();
  if (!config::read_struct(table, *options, context)) return nullptr;
  return options;
}

template <class C>
std::vector<std::pair<std::string, std::string>> facts_of() {
  std::vector<std::pair<std::string, std::string>> facts;
  if constexpr (requires { C::facts(); })
    for (const Fact& fact : C::facts()) facts.emplace_back(fact.name, fact.text);
  return facts;
}

template <class C>
std::any make_component(const void* options, const Services& services) {
  using Any = typename decltype(role_of<C>())::any_type;
  const auto& typed = *static_cast<const typename C::Options*>(options);
  if constexpr (std::constructible_from<C, const typename C::Options&, const Services&>) {
    return Any(C(typed, services));
  } else {
    (void)services;
    return Any(C(typed));
  }
}

}  // namespace detail

template <class C>
Registry& Registry::add() {
  if constexpr (StageKind<C>) return add(AnyStageKind::of<C>());
  static_assert(
      Component<C> || StageKind<C>,
      "lldm: C must be a Component: name(), description(), Options with a describe() that "
      "names every member, and a constructor from them, see lldm/concepts/component.hpp");
  if constexpr (Component<C> && !StageKind<C>)
    add(Entry{decltype(detail::role_of<C>())::role,
              std::string(C::name()),
              std::string(C::description()),
              {},
              detail::facts_of<C>(),
              config::fields<typename C::Options>(),
              &detail::read_component_options<C>,
              [](const void* options) {
                return config::write_options(*static_cast<const typename C::Options*>(options));
              },
              &detail::make_component<C>});
  return *this;
}

}  // namespace lldm
