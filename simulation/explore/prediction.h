/* SPDX-License-Identifier: MIT */
/* What reading alone says of a hazard and a form. */
#ifndef EXPLORE_PREDICTION_H
#define EXPLORE_PREDICTION_H

enum prediction {
	PREDICTED_NOTHING, /* the design has nothing that it could befall */
	PREDICTED_OK,
	PREDICTED_FAIL,
};

#endif
