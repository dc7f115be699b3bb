/* SPDX-License-Identifier: MIT */
/* Where and with what figures were made. */
#ifndef HARNESS_MACHINE_H
#define HARNESS_MACHINE_H

#include <jansson.h>

/** As JSON, NULL: no memory. is_pinned: each thread was kept on one processor. */
json_t *machine_json(int is_pinned);

#endif
