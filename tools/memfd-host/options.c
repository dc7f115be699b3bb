/* SPDX-License-Identifier: MIT */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/command-line.h"
#include "program.h"

enum option_number {
	OPTION_SOCKET = COMMAND_LINE_KEY,
	OPTION_FD,
	OPTION_MAX_PAGES,
	OPTION_MAX_MEMORY_PAGES,
	OPTION_MAX_GUESTS,
	OPTION_MAX_USER_GUESTS,
	OPTION_HELLO_TIMEOUT,
	OPTION_EXIT_AFTER,
	OPTION_JSON,
};

static const struct argp_option rows[] = {
	{"socket", OPTION_SOCKET, "PATH", 0, "listen at PATH, for any number of guests", 0},
	{"fd", OPTION_FD, "NUMBER", 0,
		"an inherited Unix socket of packets: a listening one, or a guest's", 0},
	{"max-pages", OPTION_MAX_PAGES, "N", 0, "take at most N pages of each guest at a time", 0},
	{"max-memory-pages", OPTION_MAX_MEMORY_PAGES, "N", 0,
		"turn guests away whose memory has more pages (268435456)", 0},
	{"max-guests", OPTION_MAX_GUESTS, "N", 0,
		"serve at most N guests at a time (64); others wait", 0},
	{"max-user-guests", OPTION_MAX_USER_GUESTS, "N", 0,
		"of one user at most N, but for root and the host's own (3/4 of all)", 0},
	{"hello-timeout", OPTION_HELLO_TIMEOUT, "S", 0,
		"hang up on a guest that has said nothing for S seconds (5)", 0},
	{"exit-after", OPTION_EXIT_AFTER, "N", 0, "end when N guests have gone", 0},
	{"json", OPTION_JSON, NULL, 0, "print each line as a JSON object", 0}, {0}};

enum { GUESTS_MAX = 1024, HELLO_TIMEOUT_MAX_S = 86400 };

static int usage_error(const char *what, const char *argument)
{
	fprintf(stderr, "balloon-memfd-host: %s%s%s\n", what, argument ? ": " : "",
		argument ? argument : "");
	return EXIT_USAGE;
}

/* A number from min to max, and nothing after it. Returns -1 or EXIT_USAGE. */
static int read_number(const char *text, uint64_t *number, uint64_t min, uint64_t max)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < min ||
		value > max)
		return usage_error("not a number in range", text);
	*number = value;
	return 0;
}

static int take(void *context, int key, char *value)
{
	struct options *options = context;
	uint64_t fd = 0;
	int result = 0;
	switch (key) {
	case OPTION_SOCKET:
		options->socket_path = value;
		return 0;
	case OPTION_FD:
		result = read_number(value, &fd, 0, INT32_MAX);
		options->inherited_fd = (int)fd;
		return result;
	case OPTION_MAX_PAGES:
		return read_number(value, &options->max_pages, 1, UINT64_MAX);
	case OPTION_MAX_MEMORY_PAGES:
		return read_number(value, &options->max_memory_pages, 1, UINT32_MAX);
	case OPTION_MAX_GUESTS:
		return read_number(value, &options->max_guests, 1, GUESTS_MAX);
	case OPTION_MAX_USER_GUESTS:
		return read_number(value, &options->max_user_guests, 1, GUESTS_MAX);
	case OPTION_HELLO_TIMEOUT:
		return read_number(value, &options->hello_timeout_s, 1, HELLO_TIMEOUT_MAX_S);
	case OPTION_EXIT_AFTER:
		return read_number(value, &options->exit_after, 1, UINT64_MAX);
	case OPTION_JSON:
		options->is_json = true;
		return 0;
	default:
		return usage_error("unexpected argument", value);
	}
}

static const struct command_line line = {
	.name = "balloon-memfd-host",
	.arguments = "--socket PATH\n--fd NUMBER",
	.about = "The host of balloons whose memory is a memfd: takes the pages that guests give "
		 "up out of their memory, so that the machine has them back, and keeps accounts. "
		 "Prints a line when a guest comes, when its balloon has changed (once a second at "
		 "most) and when it goes, and a summary in the end.\n",
	.after = "Ends on SIGTERM and SIGINT. Exit status: 0, 1 on failure, 2 on wrong usage.",
	.version = BALLOON_VERSION,
	.options = rows,
	.take = take,
};

int options_read(struct options *options, int argc, char **argv)
{
	*options = (struct options){.inherited_fd = -1, .max_guests = 64, .hello_timeout_s = 5};
	int status = command_line_read(&line, argc, argv, options);
	if (status != COMMAND_LINE_GO_ON)
		return status;
	if ((options->socket_path != NULL) == (options->inherited_fd >= 0))
		return usage_error("either --socket or --fd is needed", NULL);
	if (options->inherited_fd == STDOUT_FILENO || options->inherited_fd == STDERR_FILENO)
		return usage_error("--fd: that is where the lines go", NULL);
	if (options->max_user_guests == 0)
		options->max_user_guests = options->max_guests - options->max_guests / 4;
	return -1;
}
