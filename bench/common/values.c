/* SPDX-License-Identifier: MIT */
#include "common/values.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/command.h"

char *list_cut(char **list)
{
	char *item = *list;
	char *comma = strchr(item, ',');
	*list = comma ? comma + 1 : NULL;
	if (comma)
		*comma = '\0';
	return item;
}

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

int number_parse(const char *option, const char *text, uint32_t min, uint32_t max, uint32_t *number)
{
	uint64_t value;
	if (!read_number(text, &value) || value < min || value > max)
		return usage_error("%s '%s': not a number from %" PRIu32 " to %" PRIu32, option,
			text, min, max);
	*number = (uint32_t)value;
	return 0;
}

int numbers_parse(
	const char *option, char *text, uint32_t min, uint32_t max, struct numbers *numbers)
{
	int status = 0;
	numbers->n = 0;
	while (text && status == 0) {
		const char *item = list_cut(&text);
		if (numbers->n == NUMBERS_MAX)
			return usage_error("%s: more than %d numbers", option, NUMBERS_MAX);
		status = number_parse(option, item, min, max, &numbers->at[numbers->n++]);
	}
	return status;
}

/* Returns the index of a name, or n. */
static size_t find(const char *const *names, size_t n, const char *name)
{
	size_t i = 0;
	while (i < n && strcmp(names[i], name) != 0)
		i++;
	return i;
}

int names_parse(const char *option, char *text, const char *const *names, size_t n_names,
	unsigned *chosen, size_t *n_chosen)
{
	*n_chosen = 0;
	while (text) {
		const char *name = list_cut(&text);
		size_t i = find(names, n_names, name);
		if (i == n_names)
			return usage_error("unknown %s '%s': see --help", option, name);
		for (size_t k = 0; k < *n_chosen; k++)
			if (chosen[k] == i)
				return usage_error("%s '%s' is named twice", option, name);
		chosen[(*n_chosen)++] = (unsigned)i;
	}
	return 0;
}

int fraction_parse(const char *option, const char *text, double min, double max, double *number)
{
	char *end;
	errno = 0;
	*number = strtod(text, &end);
	if (!(isdigit((unsigned char)text[0]) || text[0] == '.') || *end || errno ||
		!(*number >= min && *number <= max))
		return usage_error("%s '%s': not a number from %g to %g", option, text, min, max);
	return 0;
}
