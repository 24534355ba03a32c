/* SPDX-License-Identifier: MIT */
int lldm_something_else(void);
int lldm_something_else(void) { return 1; }
