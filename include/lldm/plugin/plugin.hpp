// SPDX-License-Identifier: MIT
// What the author of a plugin includes.  See plugins/template.
#pragma once

#include <exception>
#include <string>

#include "lldm/build_id.hpp"
#include "lldm/plugin/abi.h"
#include "lldm/registry/registration.hpp"

namespace lldm::detail {

/// Runs a plugin's block; no exception leaves the plugin.
inline const char* run_registrar(void (*registrar)(Registry&), lldm_registry* registry) noexcept {
  static thread_local std::string problem;
  try {
    registrar(*reinterpret_cast<Registry*>(registry));
    return nullptr;
  } catch (const std::exception& error) {
    problem = error.what();
  } catch (...) {
    problem = "it threw something that is not a std::exception";
  }
  return problem.c_str();
}

/// "file:line" of LLDM_PLUGIN as static text.
template <std::size_t N>
struct Location {
  char text[N + 12] = {};
  constexpr Location(const char (&file)[N], unsigned line) {
    std::size_t size = 0;
    for (; size + 1 < N; ++size) text[size] = file[size];
    text[size++] = ':';
    char digits[10] = {};
    std::size_t count = 0;
    for (; line > 0; line /= 10) digits[count++] = static_cast<char>('0' + line % 10);
    while (count > 0) text[size++] = digits[--count];
  }
};

}  // namespace lldm::detail

/// The one entry of a plugin:
///     LLDM_PLUGIN("margin_objective", "0.1.0", registry) { registry.add<MarginDpo>(); }
/// The name is [a-z][a-z0-9_]*; the block may throw, which refuses the whole plugin with that text.
#define LLDM_PLUGIN(plugin_name, plugin_version, registry)                                        \
  static void lldm_plugin_registrar(::lldm::Registry& registry);                                  \
  extern "C" __attribute__((visibility("default"))) const lldm_plugin_info* lldm_plugin_query() { \
    static constexpr ::lldm::detail::Location location(__FILE__, __LINE__);                       \
    static constexpr lldm_plugin_info info = {LLDM_PLUGIN_ABI,                                    \
                                              sizeof(lldm_plugin_info),                           \
                                              ::lldm::kBuildId,                                   \
                                              plugin_name,                                        \
                                              plugin_version,                                     \
                                              [](lldm_registry* host) noexcept -> const char* {   \
                                                return ::lldm::detail::run_registrar(             \
                                                    &lldm_plugin_registrar, host);                \
                                              },                                                  \
                                              location.text};                                     \
    return &info;                                                                                 \
  }                                                                                               \
  static void lldm_plugin_registrar(::lldm::Registry& registry)
