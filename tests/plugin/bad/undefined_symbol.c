/* SPDX-License-Identifier: MIT */
/* Loads only where somebody has the function below: nobody has. */
void lldm_function_that_is_gone(void);
void lldm_plugin_query(void);
void lldm_plugin_query(void) { lldm_function_that_is_gone(); }
