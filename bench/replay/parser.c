/* SPDX-License-Identifier: MIT */
#include "parser.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const column_names[COLUMN_COUNT] = {
	"time_ns", "op", "pfn", "newpfn", "ret", "cpu", "comm"};

enum {
	PFN = 1 << COLUMN_PFN,
	NEW_PFN = 1 << COLUMN_NEW_PFN,
	RET = 1 << COLUMN_RET,
	IN_EVERY_ROW = 1 << COLUMN_TIME | 1 << COLUMN_OP | 1 << COLUMN_CPU | 1 << COLUMN_TASK,
};

/* What an operation is called, and the columns in which it has something to say. */
static const struct {
	const char *name;
	unsigned required;
	unsigned optional;
} formats[OP_COUNT] = {
	[OP_INFLATE] = {"inflate", PFN, 0},
	[OP_DEFLATE] = {"deflate", PFN, 0},
	[OP_DEFLATE_NONE] = {"deflate_none", 0, 0},
	[OP_ISOLATE] = {"isolate", PFN, RET},
	[OP_PUTBACK] = {"putback", PFN, 0},
	[OP_MIGRATE] = {"migrate", PFN | NEW_PFN | RET, 0},
	[OP_MIGRATE_AGAIN] = {"migrate", PFN | NEW_PFN | RET, 0},
	[OP_FINALIZE] = {"finalize", PFN, 0},
	[OP_TELL_INFLATE] = {"tell_inflate", 0, 0},
	[OP_TELL_DEFLATE] = {"tell_deflate", 0, 0},
	[OP_LEAK_BEGIN] = {"leak_begin", RET, 0},
	[OP_LEAK_END] = {"leak_end", RET, 0},
	[OP_OOM_BEGIN] = {"oom_begin", 0, 0},
	[OP_OOM_END] = {"oom_end", 0, 0},
};

const char *op_name(enum op op)
{
	return formats[op].name;
}

int parser_fail(const struct parser *parser, const char *format, ...)
{
	char what[512];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	return problem_at(parser->problem, parser->recording->path, parser->line, "%s", what);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* No character came: is that the end of the file, or an error? zlib reports a cut file last. */
static int end_of_file(const struct parser *parser, size_t n_bytes)
{
	int error;
	gzerror(parser->file, &error);
	if (error == Z_ERRNO)
		return parser_fail(parser, "%s", strerror(errno));
	if (error == Z_BUF_ERROR)
		return parser_fail(parser, "the compressed data are cut off");
	if (error != Z_OK)
		return parser_fail(parser, "the compressed data are damaged");
	return n_bytes ? parser_fail(parser, "the last line is cut off: it has no newline") : 0;
}

/* Read the next line into text, without its end. Returns as parser_row(). */
static int next_line(struct parser *parser)
{
	size_t n_bytes = 0;
	int c;
	parser->line++;
	while ((c = gzgetc(parser->file)) != '\n') {
		if (c < 0)
			return end_of_file(parser, n_bytes);
		if (c < ' ' || c > '~')
			return parser_fail(
				parser, "byte 0x%02x is no printable character", (unsigned)c);
		if (n_bytes + 1 == sizeof parser->text)
			return parser_fail(parser, "the line is too long");
		parser->text[n_bytes++] = (char)c;
	}
	parser->text[n_bytes] = '\0';
	return 1;
}

/* Cut text at its commas. Returns how many fields there are, COLUMN_COUNT + 1 if too many. */
static size_t split(char *text, const char **fields)
{
	size_t n = 0;
	while (text && n < COLUMN_COUNT) {
		fields[n++] = text;
		text = strchr(text, ',');
		if (text)
			*text++ = '\0';
	}
	return text ? COLUMN_COUNT + 1 : n;
}

static int fail_value(const struct parser *parser, enum column column, const char *what)
{
	return parser_fail(
		parser, "%s '%s': %s", column_names[column], parser->values[column], what);
}

/* ---- Header --------------------------------------------------------------------------------- */

static int find_column(const char *name)
{
	int column = 0;
	while (column < COLUMN_COUNT && strcmp(name, column_names[column]) != 0)
		column++;
	return column;
}

static int parse_header(struct parser *parser)
{
	const char *names[COLUMN_COUNT];
	size_t n = split(parser->text, names);
	unsigned seen = 0;
	for (size_t i = 0; i < n && i < COLUMN_COUNT; i++) {
		int column = find_column(names[i]);
		if (column == COLUMN_COUNT)
			return parser_fail(parser, "unknown column '%s' in the header", names[i]);
		if (seen & 1u << column)
			return parser_fail(parser, "column '%s' twice in the header", names[i]);
		seen |= 1u << column;
		parser->columns[i] = (enum column)column;
	}
	return n == COLUMN_COUNT ? 0 : parser_fail(parser, "the header has not the seven columns");
}

int parser_open(struct parser *parser, struct recording *recording, struct problem *problem)
{
	*parser = (struct parser){.recording = recording, .problem = problem};
	errno = 0;
	parser->file = gzopen(recording->path, "rb");
	if (!parser->file)
		return problem_set(problem, "%s: %s", recording->path,
			errno ? strerror(errno) : "out of memory");
	gzbuffer(parser->file, 1 << 17);
	int result = next_line(parser);
	if (result == 0)
		result = parser_fail(parser, "the file is empty: it has no header");
	else if (result > 0)
		result = parse_header(parser);
	if (result < 0)
		parser_close(parser);
	return result;
}

void parser_close(struct parser *parser)
{
	gzclose_r(parser->file);
}

/* ---- Values --------------------------------------------------------------------------------- */

/* Digits only: the C library alone would take blanks, and a sign, too. */
static int parse_unsigned(const struct parser *parser, enum column column, const char *text,
	uint64_t max, uint64_t *value)
{
	char *end;
	if (!isdigit((unsigned char)text[0]))
		return fail_value(parser, column, "not a number");
	errno = 0;
	unsigned long long number = strtoull(text, &end, 10);
	if (*end)
		return fail_value(parser, column, "not a number");
	if (errno || number > max)
		return fail_value(parser, column, "out of range");
	*value = number;
	return 0;
}

static int parse_ret(const struct parser *parser, int32_t *value)
{
	const char *text = parser->values[COLUMN_RET];
	bool is_negative = text[0] == '-';
	uint64_t number = 0;
	if (parse_unsigned(parser, COLUMN_RET, text + is_negative, INT32_MAX, &number) < 0)
		return -1;
	*value = is_negative ? -(int32_t)number : (int32_t)number;
	return 0;
}

/* Page frame numbers have 32 bits in the balloon's protocol. Rows hold them until all are known. */
static int parse_pfn(struct parser *parser, enum column column, uint32_t *value)
{
	struct recording *recording = parser->recording;
	uint64_t pfn = 0;
	if (parse_unsigned(parser, column, parser->values[column], UINT32_MAX, &pfn) < 0)
		return -1;
	*value = (uint32_t)pfn;
	if (recording->n_pages == 0)
		recording->first_pfn = parser->last_pfn = *value;
	if (*value < recording->first_pfn)
		recording->first_pfn = *value;
	if (*value > parser->last_pfn)
		parser->last_pfn = *value;
	if (parser->last_pfn - recording->first_pfn >= SPAN_PAGES_MAX)
		return fail_value(parser, column, "too far from the other pages");
	recording->n_pages = parser->last_pfn - recording->first_pfn + 1;
	return 0;
}

static int parse_op(const struct parser *parser, struct row *row)
{
	const char *name = parser->values[COLUMN_OP];
	uint8_t op = 0;
	while (op < OP_COUNT && strcmp(name, formats[op].name) != 0)
		op++;
	if (op == OP_COUNT)
		return fail_value(parser, COLUMN_OP, "unknown operation");
	row->op = op;
	return 0;
}

static int parse_task(struct parser *parser, struct row *row)
{
	struct recording *recording = parser->recording;
	const char *name = parser->values[COLUMN_TASK];
	unsigned task = 0;
	while (task < recording->n_tasks && strcmp(name, recording->tasks[task].name) != 0)
		task++;
	if (strlen(name) >= TASK_NAME_BYTES)
		return fail_value(parser, COLUMN_TASK, "the name is too long");
	if (task == TASKS_MAX)
		return fail_value(parser, COLUMN_TASK, "too many tasks");
	if (task == recording->n_tasks) {
		strcpy(recording->tasks[task].name, name);
		strcat(strcat(recording->task_names, recording->n_tasks++ ? "," : ""), name);
	}
	recording->tasks[task].n_isolates += row->op == OP_ISOLATE;
	row->task = (uint8_t)task;
	return 0;
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static unsigned lowest_bit(unsigned set)
{
	unsigned bit = 0;
	while (!(set >> bit & 1))
		bit++;
	return bit;
}

/* Is each column filled that the operation needs, and empty that it has no use for? */
static int check_format(const struct parser *parser, enum op op)
{
	unsigned required = formats[op].required | IN_EVERY_ROW;
	unsigned filled = 0;
	for (unsigned column = 0; column < COLUMN_COUNT; column++)
		filled |= (unsigned)(parser->values[column][0] != '\0') << column;
	unsigned missing = required & ~filled;
	unsigned extra = filled & ~(required | formats[op].optional);
	if (!missing && !extra)
		return 0;
	return parser_fail(parser, missing ? "%s without a %s" : "%s with a %s", op_name(op),
		column_names[lowest_bit(missing ? missing : extra)]);
}

/* What ret means depends on the operation. */
static int parse_result(const struct parser *parser, struct row *row)
{
	int32_t ret;
	if (!parser->values[COLUMN_RET][0])
		return 0;
	if (parse_ret(parser, &ret) < 0)
		return -1;
	if (row->op == OP_ISOLATE)
		return ret == 1 ? 0 : fail_value(parser, COLUMN_RET, "not 1, success");
	if (row->op != OP_MIGRATE) {
		row->n_pages = ret;
		return ret >= 0 ? 0 : fail_value(parser, COLUMN_RET, "not a number of pages");
	}
	if (ret == -11)
		row->op = OP_MIGRATE_AGAIN;
	return ret == 0 || ret == -11 ? 0 : fail_value(parser, COLUMN_RET, "neither 0 nor -11");
}

static int parse_pages(struct parser *parser, struct row *row)
{
	if (parser->values[COLUMN_PFN][0] && parse_pfn(parser, COLUMN_PFN, &row->page) < 0)
		return -1;
	if (!parser->values[COLUMN_NEW_PFN][0])
		return 0;
	return parse_pfn(parser, COLUMN_NEW_PFN, &row->new_page);
}

/* Columns that no replay needs have to make sense all the same. */
static int check_unused(const struct parser *parser)
{
	uint64_t unused;
	int result = parse_unsigned(
		parser, COLUMN_TIME, parser->values[COLUMN_TIME], UINT64_MAX, &unused);
	return result < 0 ? -1
			  : parse_unsigned(parser, COLUMN_CPU, parser->values[COLUMN_CPU],
				    INT32_MAX, &unused);
}

int parser_row(struct parser *parser, struct row *row)
{
	const char *fields[COLUMN_COUNT];
	int result = next_line(parser);
	if (result <= 0)
		return result;
	size_t n = split(parser->text, fields);
	if (n != COLUMN_COUNT)
		return parser_fail(
			parser, n < COLUMN_COUNT ? "fields are missing" : "too many fields");
	for (size_t i = 0; i < n; i++)
		parser->values[parser->columns[i]] = fields[i];
	*row = (struct row){0};
	if (parse_op(parser, row) < 0 || check_format(parser, row->op) < 0 ||
		parse_pages(parser, row) < 0 || parse_result(parser, row) < 0 ||
		parse_task(parser, row) < 0 || check_unused(parser) < 0)
		return -1;
	return 1;
}
