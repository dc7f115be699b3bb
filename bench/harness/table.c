/* SPDX-License-Identifier: MIT */
/* Rows for people, and for spreadsheets. */
#include <string.h>

#include "harness/rows.h"

/* ---- Tables ---------------------------------------------------------------------------------- */

enum { CELL_BYTES = 96 };

/* The value at a path; NULL: there is none. */
static const json_t *value_at(const json_t *row, const char *path)
{
	char name[CELL_BYTES];
	while (row && *path) {
		size_t n = strcspn(path, "/");
		snprintf(name, sizeof name, "%.*s", (int)n, path);
		if (strcmp(name, "range") == 0)
			return row;
		row = json_object_get(row, name);
		path += n + (path[n] == '/');
	}
	return row;
}

static void print_number(char *cell, size_t size, const struct column *column, const json_t *value)
{
	double number = json_number_value(value) * (column->factor > 0 ? column->factor : 1);
	const char *format = number < 1000 ? "%.4g" : "%.0f";
	snprintf(cell, size, column->format ? column->format : format, number);
}

/* What a row has in a column; "" if nothing. */
static void fill_cell(char *cell, const json_t *row, const struct column *column)
{
	const json_t *value = value_at(row, column->path);
	char low[CELL_BYTES / 3], high[CELL_BYTES / 3];
	cell[0] = '\0';
	if (json_is_string(value))
		snprintf(cell, CELL_BYTES, "%s", json_string_value(value));
	else if (json_is_number(value))
		print_number(cell, CELL_BYTES, column, value);
	else if (json_is_object(value) && strstr(column->path, "/range")) {
		print_number(low, sizeof low, column, json_object_get(value, "min"));
		print_number(high, sizeof high, column, json_object_get(value, "max"));
		snprintf(cell, CELL_BYTES, "[%s %s]", low, high);
	} else if (json_is_object(value))
		print_number(cell, CELL_BYTES, column, json_object_get(value, "median"));
}

/* How wide a column is; 0: no row has it. */
static int width_of(const json_t *rows, size_t first, const struct column *column)
{
	char cell[CELL_BYTES];
	size_t width = 0;
	for (size_t i = first; i < json_array_size(rows); i++) {
		fill_cell(cell, json_array_get(rows, i), column);
		width = strlen(cell) > width ? strlen(cell) : width;
	}
	return (int)(width > 0 && width < strlen(column->title) ? strlen(column->title) : width);
}

/* Texts begin at the left, numbers end at the right. row: NULL: the heading. */
static void print_cell(const json_t *rows, size_t first, const struct column *column,
	const json_t *row, bool is_first)
{
	const json_t *value = value_at(json_array_get(rows, first), column->path);
	bool is_left = json_is_string(value) || strstr(column->path, "/range");
	int width = width_of(rows, first, column);
	char cell[CELL_BYTES];
	fill_cell(cell, row, column);
	const char *text = !row ? column->title : cell[0] ? cell : "-";
	if (width > 0)
		printf("%s%*s", is_first ? "" : "  ", is_left ? -width : width, text);
}

void rows_print(const json_t *rows, size_t first, const struct column *columns)
{
	for (size_t i = first; i <= json_array_size(rows); i++) {
		for (const struct column *column = columns; column->title; column++)
			print_cell(rows, first, column,
				i > first ? json_array_get(rows, i - 1) : NULL, column == columns);
		printf("\n");
	}
}

/* ---- CSV ------------------------------------------------------------------------------------- */

/* Put what is in an object below names of its own: a figure's median, a duration's quantiles. */
static int flatten(json_t *flat, const char *prefix, const json_t *object)
{
	const char *key;
	json_t *value;
	int result = 0;
	json_object_foreach((json_t *)object, key, value)
	{
		char name[2 * CELL_BYTES];
		json_t *median = json_object_get(value, "median");
		snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "_" : "", key);
		if (json_is_object(value) && !median)
			result |= flatten(flat, name, value);
		else if (!json_is_array(value))
			result |= json_object_set(flat, name, median ? median : value);
	}
	return result;
}

static void write_field(FILE *file, const json_t *value)
{
	const char *text = json_string_value(value);
	if (text) {
		bool is_quoted = strpbrk(text, ",\"\r\n");
		fputs(is_quoted ? "\"" : "", file);
		for (; *text; text++)
			fprintf(file, *text == '"' ? "\"\"" : "%c", *text);
		fputs(is_quoted ? "\"" : "", file);
	} else if (json_is_integer(value)) {
		fprintf(file, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	} else if (json_is_real(value)) {
		fprintf(file, "%.6g", json_real_value(value));
	} else if (json_is_boolean(value)) {
		fputs(json_is_true(value) ? "true" : "false", file);
	}
}

/* columns: an object whose names are those of the columns. */
static void write_line(FILE *file, json_t *columns, const json_t *row)
{
	const char *name, *comma = "";
	json_t *unused;
	json_object_foreach(columns, name, unused)
	{
		fputs(comma, file);
		if (row)
			write_field(file, json_object_get(row, name));
		else
			fputs(name, file);
		comma = ",";
	}
	fputs("\n", file);
}

int rows_csv(const json_t *rows, FILE *file)
{
	json_t *columns = json_object(), *flat = json_array();
	int result = columns && flat ? 0 : -1;
	for (size_t i = 0; i < json_array_size(rows) && result == 0; i++) {
		json_t *line = json_object();
		result = line ? flatten(line, "", json_array_get(rows, i)) : -1;
		result |= json_object_update(columns, line);
		result |= json_array_append_new(flat, line);
	}
	if (result == 0)
		write_line(file, columns, NULL);
	for (size_t i = 0; i < json_array_size(flat) && result == 0; i++)
		write_line(file, columns, json_array_get(flat, i));
	json_decref(columns);
	json_decref(flat);
	return result;
}
