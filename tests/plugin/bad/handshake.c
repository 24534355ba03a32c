/* SPDX-License-Identifier: MIT */
/* A plugin in C99: shows that abi.h is C.  HANDSHAKE_<MISTAKE> says which lie it tells. */
#include <lldm/plugin/abi.h>

#if defined(HANDSHAKE_ABI)
#define ABI 99u
#else
#define ABI LLDM_PLUGIN_ABI
#endif
#if defined(HANDSHAKE_SIZE)
#define SIZE 40
#else
#define SIZE sizeof(lldm_plugin_info)
#endif
#if defined(HANDSHAKE_NAME)
#define NAME "Re-Mask"
#else
#define NAME "remask"
#endif

static const char* register_nothing(lldm_registry* registry) {
  (void)registry;
  return "it must not be asked to register";
}

static const lldm_plugin_info kInfo = {
    ABI,
    SIZE,
    "lldm 0.0.9; libtorch 2.9.0; gcc 13.1; cxx11abi 1; cuda 13.0",
    NAME,
    "0.1.2",
    register_nothing,
    "handshake.c:26"};

const lldm_plugin_info* lldm_plugin_query(void) {
#if defined(HANDSHAKE_NULL)
  return (const lldm_plugin_info*)0;
#endif
  return &kInfo;
}
