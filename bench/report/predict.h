/* SPDX-License-Identifier: MIT */
#ifndef REPORT_PREDICT_H
#define REPORT_PREDICT_H

#include "report/model.h"

/**
 * What a row's work should take: that of the bare list, and each counted atomic operation at the
 * price of one that nobody contends for, both of the same setup. NAN: not known.
 */
double predict_ns(const struct model *model, const struct row *row, const struct count *count);

#endif
