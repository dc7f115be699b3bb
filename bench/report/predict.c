/* SPDX-License-Identifier: MIT */
#include "report/predict.h"

#include <math.h>
#include <stddef.h>

#include "report/select.h"

double predict_ns(const struct model *model, const struct row *row, const struct count *count)
{
	const struct row *list = model_row(model, "floor-list", &row->setup);
	const struct row *atomic = model_row(model, "floor-atomic", &row->setup);
	if (!count || !list || !atomic)
		return NAN;
	return row_ns(list) + count->atomics * row_ns(atomic);
}
