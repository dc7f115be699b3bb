/* SPDX-License-Identifier: MIT */
#include "report/style.h"

#include <stddef.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

/* The palette of Okabe and Ito, which the colour-blind tell apart; filled shapes. */
static const struct style strategies[] = {
	{"#0072B2", "1", 7, 2.4, 1.0},
	{"#D55E00", "(14,5)", 5, 2.4, 0.9},
	{"#009E73", "(4,4)", 9, 2.4, 1.1},
	{"#CC79A7", "(14,4,3,4)", 13, 2.4, 1.2},
	{"#E69F00", "(8,3,3,3,3,3)", 11, 2.4, 1.1},
	{"#56B4E9", "(20,5)", 15, 2.4, 1.1},
	{"#000000", "(6,6)", 4, 2.4, 1.0},
};

static const struct style floors[] = {
	{"#6E6E6E", "(2,3)", 4, 1.3, 0.9},
	{"#6E6E6E", "(2,3)", 6, 1.3, 0.9},
	{"#6E6E6E", "(2,3)", 8, 1.3, 1.0},
	{"#6E6E6E", "(2,3)", 12, 1.3, 1.1},
	{"#6E6E6E", "(2,3)", 10, 1.3, 1.0},
	{"#6E6E6E", "(2,3)", 14, 1.3, 1.0},
};

static const struct style peers[] = {
	{"#8C8C8C", "(7,4)", 2, 1.3, 0.9},
	{"#8C8C8C", "(7,4)", 1, 1.3, 0.9},
	{"#8C8C8C", "(7,4)", 3, 1.3, 0.9},
	{"#8C8C8C", "(12,3,2,3)", 2, 1.3, 0.9},
	{"#8C8C8C", "(12,3,2,3)", 1, 1.3, 0.9},
	{"#8C8C8C", "(12,3,2,3)", 3, 1.3, 0.9},
};

static const struct {
	const struct style *styles;
	size_t n;
} palettes[N_KINDS] = {
	{strategies, LENGTH(strategies)}, {floors, LENGTH(floors)}, {peers, LENGTH(peers)}};

struct style style_of(const struct model *model, const char *subject)
{
	size_t n_before[N_KINDS] = {0};
	const struct subject *known = model->subjects;
	while (strcmp(known->name, subject) != 0)
		n_before[known++->kind]++;
	return palettes[known->kind].styles[n_before[known->kind] % palettes[known->kind].n];
}
