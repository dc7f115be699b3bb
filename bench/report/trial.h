/* SPDX-License-Identifier: MIT */
/* Trials that belong together. */
#ifndef REPORT_TRIAL_H
#define REPORT_TRIAL_H

#include "report/model.h"

/** The trial of the same setup; NULL: there is none. */
const struct trial *trial_find(const struct model *model, const struct trial_setup *setup);

/** Are they of the same work in the same setting, whoever did it? */
bool trial_is_beside(const struct trial *a, const struct trial *b);

/** Is this the first one of its setting in the model? */
bool trial_is_first(const struct model *model, size_t index);

bool trial_is_of(const struct trial *trial, const char *workload);

/** How many times the reference's time it took; NAN: not known. */
struct spread trial_times(const struct trial *trial, const char *to);

/** Is it about memory that a host in another process has as well? */
bool trial_is_shared(const struct trial *trial);

/** The fastest one of a kind at a release of the process's own memory; NULL: not measured. */
const struct trial *trial_fastest(
	const struct model *model, enum trial_kind kind, const char *order, bool other_thread);

#endif
