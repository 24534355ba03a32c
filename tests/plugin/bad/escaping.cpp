// SPDX-License-Identifier: MIT
// Written without LLDM_PLUGIN, and its registrar breaks the contract: an exception leaves it.
#include <lldm/plugin/abi.h>

#include <lldm/build_id.hpp>
#include <stdexcept>

extern "C" __attribute__((visibility("default"))) const lldm_plugin_info* lldm_plugin_query(void) {
  static const lldm_plugin_info info = {LLDM_PLUGIN_ABI,
                                        sizeof(lldm_plugin_info),
                                        lldm::kBuildId,
                                        "escaping",
                                        "0.1.0",
                                        [](lldm_registry*) -> const char* { throw std::runtime_error("over the border"); },
                                        "escaping.cpp:9"};
  return &info;
}
