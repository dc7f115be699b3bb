/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE 1 /* asprintf() */

#include "common/command-line.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_HELP = 1 << 16, KEY_VERSION };

struct reading {
	const struct command_line *line;
	void *context;
	char *called;  /* as messages call the program: the first word of its name */
	FILE *nowhere; /* for argp's second line about wrong usage, "Try ..." */
	int status;
};

static int finish_output(const struct reading *reading, int result)
{
	if (result >= 0 && fflush(stdout) == 0)
		return 0;
	fprintf(stderr, "%s: standard output: %s\n", reading->called, strerror(errno));
	return 1;
}

static error_t take(int key, char *value, struct argp_state *state)
{
	struct reading *reading = state->input;
	const struct command_line *line = reading->line;
	switch (key) {
	case ARGP_KEY_INIT:
		state->err_stream = reading->nowhere;
		return 0;
	case KEY_HELP:
		state->name = (char *)(uintptr_t)line->name;
		setenv("ARGP_HELP_FMT", "no-dup-args-note", 0); /* else it explains letters */
		argp_state_help(
			state, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC);
		reading->status = finish_output(reading, 0);
		return ECANCELED;
	case KEY_VERSION:
		reading->status =
			finish_output(reading, printf("%s %s\n", line->name, line->version));
		return ECANCELED;
	default:
		/* Keys above those of options are argp's own events. */
		if (key != ARGP_KEY_ARG && (key >= KEY_HELP || key <= 0))
			return ARGP_ERR_UNKNOWN;
		reading->status = line->take(reading->context, key, value);
		return reading->status == 0 ? 0 : ECANCELED;
	}
}

/* The table with what every program has. argp sorts what is in one group: each row is a group. */
static struct argp_option *rows_of(const struct command_line *line)
{
	const struct argp_option help = {"help", KEY_HELP, NULL, 0, "print this text", 0};
	const struct argp_option version = {
		"version", KEY_VERSION, NULL, 0, "print the version", 0};
	size_t n = 0;
	while (line->options[n].name)
		n++;
	struct argp_option *rows = calloc(n + 3, sizeof(*rows));
	if (!rows)
		return NULL;
	for (size_t i = 0; i < n; i++)
		rows[i] = line->options[i];
	rows[n++] = help;
	if (line->version)
		rows[n++] = version;
	for (size_t i = 0; i < n; i++)
		rows[i].group = (int)i + 1;
	return rows;
}

static int complain_of_memory(const struct command_line *line)
{
	fprintf(stderr, "%s: out of memory\n", line->name);
	return 1;
}

/* getopt_long() takes the name from argv[0]. */
static int read_as(struct reading *reading, const struct argp *argp, int argc, char **argv)
{
	char *own_name = argv[0];
	argv[0] = reading->called;
	error_t error = argp_parse(argp, argc, argv, ARGP_NO_HELP | ARGP_NO_EXIT, NULL, reading);
	argv[0] = own_name;
	if (error == ECANCELED)
		return reading->status;
	if (error == EINVAL) /* argp has said why */
		return COMMAND_LINE_WRONG;
	return error == 0 ? COMMAND_LINE_GO_ON : complain_of_memory(reading->line);
}

int command_line_read(const struct command_line *line, int argc, char **argv, void *context)
{
	struct reading reading = {.line = line,
		.context = context,
		.called = strndup(line->name, strcspn(line->name, " ")),
		.nowhere = fopen("/dev/null", "w")};
	struct argp_option *rows = rows_of(line);
	char *text = NULL;
	int status;
	if (reading.called && reading.nowhere && rows &&
		asprintf(&text, "%s\v%s", line->about, line->after ? line->after : "") >= 0) {
		const struct argp argp = {
			.options = rows, .parser = take, .args_doc = line->arguments, .doc = text};
		status = read_as(&reading, &argp, argc, argv);
	} else {
		status = complain_of_memory(line);
	}
	if (reading.nowhere)
		fclose(reading.nowhere);
	free(reading.called);
	free(rows);
	free(text);
	return status;
}
