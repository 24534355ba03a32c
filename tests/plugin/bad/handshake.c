/* SPDX-License-Identifier: MIT */
/* A plugin in C99: shows that abi.h is C, and says of itself whatever the build asks for. */
#include <lldm/plugin/abi.h>

static const char* register_nothing(lldm_registry* registry) {
  (void)registry;
  return "it must not be asked to register";
}

static const lldm_plugin_info kInfo = {HANDSHAKE_ABI,   HANDSHAKE_SIZE, HANDSHAKE_BUILD_ID,
                                       HANDSHAKE_NAME,  "0.1.2",        register_nothing,
                                       "handshake.c:11"};

const lldm_plugin_info* lldm_plugin_query(void) { return HANDSHAKE_ABI == 0u ? 0 : &kInfo; }
