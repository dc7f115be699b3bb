/* SPDX-License-Identifier: MIT */
#include "report/node.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct node node_root(struct source *source, const json_t *value)
{
	return (struct node){.source = source, .value = value};
}

/* The path to a node, as a person would write it: results[3].ratio.floor-lock */
static void path_append(const struct node *node, char *path, size_t size)
{
	if (!node->parent)
		return;
	path_append(node->parent, path, size);
	size_t length = strlen(path);
	if (node->key)
		snprintf(path + length, size - length, "%s%s", length ? "." : "", node->key);
	else
		snprintf(path + length, size - length, "[%zu]", node->index);
}

void text_make_one_line(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ')
			*text = '?';
	}
}

void node_refuse(const struct node *node, const char *what)
{
	char path[256] = "";
	if (node->source->is_bad)
		return;
	node->source->is_bad = true;
	path_append(node, path, sizeof path);
	text_make_one_line(path);
	problem_set(node->source->problem, "%s: %s: %s", node->source->path,
		path[0] ? path : "the document", what);
}

struct node node_member(const struct node *object, const char *key)
{
	struct node node = {.source = object->source, .parent = object, .key = key};
	if (!node_is_known(object))
		return node;
	if (json_is_object(object->value))
		node.value = json_object_get(object->value, key);
	else
		node_refuse(object, "not an object");
	return node;
}

struct node node_element(const struct node *array, size_t index)
{
	return (struct node){.source = array->source,
		.value = json_array_get(array->value, index),
		.parent = array,
		.index = index};
}

bool node_is_known(const struct node *node)
{
	return node->value && !json_is_null(node->value);
}

size_t node_size(const struct node *array)
{
	if (!node_is_known(array))
		return 0;
	if (!json_is_array(array->value))
		node_refuse(array, "not an array");
	return json_array_size(array->value);
}

double member_number(const struct node *object, const char *key)
{
	struct node node = node_member(object, key);
	double number;
	if (!node_is_known(&node))
		return NAN;
	number = json_number_value(node.value);
	if (json_is_number(node.value) && number >= 0)
		return number;
	node_refuse(&node, json_is_number(node.value) ? "less than 0" : "not a number");
	return NAN;
}

unsigned long member_count(const struct node *object, const char *key, unsigned long otherwise)
{
	struct node node = node_member(object, key);
	if (!node_is_known(&node))
		return otherwise;
	if (json_is_integer(node.value) && json_integer_value(node.value) >= 0)
		return (unsigned long)json_integer_value(node.value);
	node_refuse(&node, "not a whole number of at least 0");
	return otherwise;
}

const char *member_text(const struct node *object, const char *key)
{
	struct node node = node_member(object, key);
	if (node_is_known(&node) && !json_is_string(node.value))
		node_refuse(&node, "not a text");
	return json_string_value(node.value);
}

bool member_flag(const struct node *object, const char *key, bool otherwise)
{
	struct node node = node_member(object, key);
	if (!node_is_known(&node))
		return otherwise;
	if (!json_is_boolean(node.value))
		node_refuse(&node, "neither true nor false");
	return json_is_true(node.value);
}

const char *member_name(const struct node *object, const char *key)
{
	struct node node = node_member(object, key);
	const char *name = member_text(object, key);
	if (name && name[0] && strlen(name) <= NAME_MAX_BYTES)
		return name;
	node_refuse(&node, !name ? "missing" : name[0] ? "longer than 64 bytes" : "empty");
	return "?";
}
