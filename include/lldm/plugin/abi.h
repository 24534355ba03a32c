/* SPDX-License-Identifier: MIT */
/* What lldm and a plugin say to each other before any C++ crosses the border.  Valid C99.  The
 * layout is frozen: new fields come at the end. */
#ifndef LLDM_PLUGIN_ABI_H
#define LLDM_PLUGIN_ABI_H

#include <stdint.h>

/* Grows when the meaning of a field or any interface behind an Any<Role> changes. */
#define LLDM_PLUGIN_ABI 2u

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lldm_registry lldm_registry; /* an lldm::Registry, without its type */

typedef struct lldm_plugin_info {
  uint32_t abi;         /* LLDM_PLUGIN_ABI the plugin was built with */
  uint32_t size;        /* sizeof(lldm_plugin_info) it was built with */
  const char* build_id; /* lldm, LibTorch, compiler, C++ ABI flag, CUDA: must equal the host's */
  const char* name;     /* "masked_diffusion": [a-z][a-z0-9_]* */
  const char* version;  /* "0.3.0" */
  /* Null, or why it failed (valid until the next call); never throws. */
  const char* (*register_components)(lldm_registry* registry);
  const char* location; /* file:line of LLDM_PLUGIN */
} lldm_plugin_info;

/* The plugin's only exported symbol: returns static data and runs no other code. */
const lldm_plugin_info* lldm_plugin_query(void);

#ifdef __cplusplus
}
#endif

#endif
