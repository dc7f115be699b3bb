/* SPDX-License-Identifier: MIT */
/*
 * Values of a JSON document, read with an expectation of their type.
 *
 * What is absent or null is not known, which readers of results take as it is. A value of another
 * type is a problem: the first one is kept, with the file and the value's path in it, and what is
 * read afterwards does not matter. So whoever reads looks for a problem once, at the end.
 */
#ifndef REPORT_NODE_H
#define REPORT_NODE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/problem.h"

struct source {
	const char *path;
	struct problem *problem;
	bool is_bad; /* problem says why */
};

/** A value, or the place where one could be. Its parent outlives it. */
struct node {
	struct source *source;
	const json_t *value; /* NULL: absent */
	const struct node *parent;
	const char *key; /* NULL: an element of an array */
	size_t index;
};

struct node node_root(struct source *source, const json_t *value);
struct node node_member(const struct node *object, const char *key);
struct node node_element(const struct node *array, size_t index);

/** Is it known, that is, neither absent nor null? */
bool node_is_known(const struct node *node);

/** How many elements an array has; 0 if it is not known. */
size_t node_size(const struct node *array);

/** A message is one line, whatever is in the file that it quotes. */
void text_make_one_line(char *text);

/** Keep "FILE: PATH: what" as the problem, unless there is one. */
void node_refuse(const struct node *node, const char *what);

/** A number, at least 0; NAN if it is not known. */
double member_number(const struct node *object, const char *key);

/** The same, whole; otherwise: if it is not known. */
unsigned long member_count(const struct node *object, const char *key, unsigned long otherwise);

/** As long as the document lives; NULL if it is not known. */
const char *member_text(const struct node *object, const char *key);

bool member_flag(const struct node *object, const char *key, bool otherwise);

enum { NAME_MAX_BYTES = 64 };

/** A text that is not empty, not longer than NAME_MAX_BYTES, and has to be there. Never NULL. */
const char *member_name(const struct node *object, const char *key);

#endif
