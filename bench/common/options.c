/* SPDX-License-Identifier: MIT */
#include "common/options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/command.h"

/* ---- Names ----------------------------------------------------------------------------------- */

const char *strategy_name(const struct balloon_strategy *strategy)
{
	struct balloon_strategy_info info = {.name = "?"};
	balloon_strategy_describe(strategy, &info);
	return info.name;
}

const char *driver_name(const struct balloon_driver_design *design)
{
	struct balloon_driver_design_info info = {.name = "?"};
	balloon_driver_design_describe(design, &info);
	return info.name;
}

#define NAMES(kind, at, name)                                                                      \
	const struct kind *each;                                                                   \
	static const char *names[LIST_MAX + 1];                                                    \
	for (size_t i = 0; i < LIST_MAX && (each = at(i)) != NULL; i++)                            \
		names[i] = name(each);                                                             \
	return names

const char *const *strategy_names(void)
{
	NAMES(balloon_strategy, balloon_strategy_at, strategy_name);
}

const char *const *driver_names(void)
{
	NAMES(balloon_driver_design, balloon_driver_design_at, driver_name);
}

size_t names_count(const char *const *names)
{
	size_t n = 0;
	while (names[n])
		n++;
	return n;
}

struct list list_all(size_t n)
{
	struct list list = {.n = n};
	for (uint32_t i = 0; i < n; i++)
		list.at[i] = i;
	return list;
}

/* ---- Values: each parser returns 0, or the exit status after a wrong usage -------------------- */

/* Returns whether text is nothing but a number and maybe its unit. */
static bool read_number(const char *text, uint64_t *number)
{
	char *end;
	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*number = strtoull(text, &end, 10);
	unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : 0;
	if (shift > 0)
		end++;
	if (errno || *end || *number > UINT64_MAX >> shift)
		return false;
	*number <<= shift;
	return true;
}

static int parse_number(const struct option_row *option, const char *text, uint32_t *number)
{
	uint64_t value;
	if (!read_number(text, &value) || (double)value < option->min ||
		(double)value > option->max)
		return usage_error("--%s '%s': not a number from %.0f to %.0f", option->name, text,
			option->min, option->max);
	*number = (uint32_t)value;
	return 0;
}

static int parse_seconds(const struct option_row *option, const char *text, double *number)
{
	char *end;
	errno = 0;
	*number = strtod(text, &end);
	if (!(isdigit((unsigned char)text[0]) || text[0] == '.') || *end || errno ||
		!(*number >= option->min && *number <= option->max))
		return usage_error("--%s '%s': not a number from %g to %g", option->name, text,
			option->min, option->max);
	return 0;
}

static int parse_name(const struct option_row *option, const char *text, struct list *list)
{
	uint32_t i = 0;
	while (option->names[i] && strcmp(option->names[i], text) != 0)
		i++;
	if (!option->names[i])
		return usage_error(
			"unknown %s '%s': see --help and balloon-bench list", option->what, text);
	for (size_t k = 0; k < list->n; k++)
		if (list->at[k] == i)
			return usage_error("%s '%s' is named twice", option->what, text);
	list->at[list->n++] = i;
	return 0;
}

/* The text is cut into pieces. */
static int parse_list(const struct option_row *option, char *text, struct list *list)
{
	int status = 0;
	list->n = 0;
	while (text && status == 0) {
		char *item = text;
		text = strchr(item, ',');
		if (text)
			*text++ = '\0';
		if (list->n == LIST_MAX)
			return usage_error("--%s: more than %d values", option->name, LIST_MAX);
		status = option->kind == OPTION_NAMES
				 ? parse_name(option, item, list)
				 : parse_number(option, item, &list->at[list->n++]);
	}
	return status;
}

static int parse_names(const struct option_row *option, char *text, struct list *list)
{
	if (strcmp(text, "all") == 0) {
		*list = list_all(names_count(option->names));
		return 0;
	}
	if (strcmp(text, "none") == 0 && option->min < 1) {
		list->n = 0;
		return 0;
	}
	return parse_list(option, text, list);
}

static int parse(const struct option_row *option, char *text, void *value)
{
	switch (option->kind) {
	case OPTION_NUMBER:
		return parse_number(option, text, value);
	case OPTION_NUMBERS:
		return parse_list(option, text, value);
	case OPTION_NAMES:
		return parse_names(option, text, value);
	case OPTION_SECONDS:
		return parse_seconds(option, text, value);
	case OPTION_FLAG:
		*(bool *)value = true;
		return 0;
	default:
		*(const char **)value = text;
		return 0;
	}
}

/* ---- The command line ------------------------------------------------------------------------ */

enum { ROWS_MAX = 24 };

struct reading {
	const struct options *options;
	void *plan;
};

static int key_of(const struct options *options, size_t row)
{
	return options->rows[row].letter ? options->rows[row].letter : COMMAND_LINE_KEY + (int)row;
}

static int take(void *context, int key, char *value)
{
	const struct reading *reading = context;
	const struct options *options = reading->options;
	for (size_t i = 0; i < options->n_rows; i++)
		if (key == key_of(options, i))
			return parse(&options->rows[i], value,
				(char *)reading->plan + options->rows[i].offset);
	if (options->take)
		return options->take(reading->plan, value);
	return usage_error(
		"%s: unexpected argument '%s'", strchr(options->command, ' ') + 1, value);
}

int options_read(const struct options *options, int argc, char **argv, void *plan)
{
	struct argp_option rows[ROWS_MAX + 1] = {{0}};
	for (size_t i = 0; i < options->n_rows && i < ROWS_MAX; i++)
		rows[i] = (struct argp_option){.name = options->rows[i].name,
			.key = key_of(options, i),
			.arg = options->rows[i].value,
			.doc = options->rows[i].about};
	const struct command_line line = {.name = options->command,
		.arguments = options->arguments,
		.about = options->about,
		.after = options->after,
		.options = rows,
		.take = take};
	struct reading reading = {options, plan};
	return command_line_read(&line, argc, argv, &reading);
}
