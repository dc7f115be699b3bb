/* SPDX-License-Identifier: MIT */
/* Values that results of several commands have. What is wrong with them is in the node's source. */
#ifndef REPORT_READ_H
#define REPORT_READ_H

#include "report/model.h"
#include "report/node.h"

struct spread read_spread(const struct node *parent, const char *key);

/** A distribution of durations. */
struct latency read_latency(const struct node *parent, const char *key);

/** All members of "ratio"; NULL if there are none. Returns 0 or -1: no memory. */
int read_ratios(const struct node *object, struct ratio **ratios, size_t *n_ratios,
	struct problem *problem);

/** A result of `balloon-bench system` into the model. Returns 0 or -1: no memory. */
int load_trial(struct model *model, const struct node *object, size_t input);

#endif
